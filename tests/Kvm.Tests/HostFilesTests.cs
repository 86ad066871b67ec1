using Xunit;

namespace Hostmemd.Kvm.Tests;

/// <summary>The reader of what the kernel tells in files: what is missing or odd is unknown.</summary>
public sealed class HostFilesTests : IDisposable
{
    private readonly FakeHost _host = new();

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("0\n", 0UL)]
    [InlineData("18446744073709551615\n", ulong.MaxValue)]
    [InlineData("  12 ", 12UL)]
    [InlineData("max\n", null)]
    [InlineData("", null)]
    [InlineData("-1\n", null)]
    [InlineData("1 2\n", null)]
    [InlineData("1,000\n", null)]
    [InlineData("18446744073709551616\n", null)]
    [InlineData("\0\u00ff", null)]
    public void A_file_is_one_number_or_unknown(string text, ulong? number) =>
        Assert.Equal(number, _host.With("/n", text).Files.TryReadNumber("/n"));

    [Fact]
    public void A_file_that_is_missing_or_a_directory_or_not_to_be_named_is_unknown()
    {
        _host.With("/d/f", "1");

        Assert.Null(_host.Files.TryRead("/nothing"));
        Assert.Null(_host.Files.TryRead("/d"));
        Assert.Null(_host.Files.TryRead("/d/f/g"));
        Assert.Null(_host.Files.TryRead("/d\0"));
        Assert.Empty(_host.Files.List("/nothing"));
        Assert.Equal(["f"], _host.Files.List("/d"));
    }

    [Fact]
    public void A_file_without_an_end_is_unknown() => Assert.Null(HostFiles.ThisHost.TryRead("/dev/zero"));

    [Fact]
    public void A_file_of_the_kernel_which_says_length_0_is_read_to_its_end() =>
        Assert.EndsWith("\n", HostFiles.ThisHost.TryRead("/proc/self/mountinfo"), StringComparison.Ordinal);
}
