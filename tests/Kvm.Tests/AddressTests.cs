using Xunit;

namespace Hostmemd.Kvm.Tests;

public class AddressTests
{
    [Fact]
    public void Addresses_print_as_hex_and_compare_as_numbers()
    {
        Assert.Equal("0x1f0000", new GuestAddress(0x1f0000).ToString());
        Assert.Equal("0x0", new HostAddress(0).ToString());
        Assert.True(new GuestAddress(1) < new GuestAddress(2) && new GuestAddress(2) >= new GuestAddress(2));
        Assert.True(new HostAddress(ulong.MaxValue) > new HostAddress(1));
    }

    [Fact]
    public void Adding_past_the_end_is_an_error_and_never_wraps()
    {
        Assert.Throws<OverflowException>(() => new GuestAddress(ulong.MaxValue).Add(1));
        Assert.False(new HostAddress(ulong.MaxValue).TryAdd(1, out _));
        Assert.True(new GuestAddress(ulong.MaxValue - 1).TryAdd(1, out var sum));
        Assert.Equal(ulong.MaxValue, sum.Value);
    }

    [Fact]
    public void Errors_carry_call_name_and_the_text_of_the_C_library()
    {
        var error = new KernelException("mmap", Errno.ENOMEM);
        Assert.Equal(("mmap: Cannot allocate memory", "mmap", 12), (error.Message, error.Call, error.Errno));
        Assert.Equal("ENOMEM", Errno.Name(12));
        Assert.Equal("errno 4000", Errno.Name(4000));
    }

    [Fact]
    public void Every_error_text_is_that_of_glibc()
    {
        for (var errno = 1; errno < 134; errno++)
        {
            if (!Errno.Name(errno).StartsWith("errno", StringComparison.Ordinal))
                Assert.Equal(System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(errno), Errno.Text(errno));
        }
    }
}
