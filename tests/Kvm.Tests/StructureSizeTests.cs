using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;
using Xunit;

namespace Hostmemd.Kvm.Tests;

/// <summary>
/// Sizes of structures that are the same on every 64-bit Linux, without a header or a compiler: what holds where the program was built holds
/// where it runs, on arm64 too.
/// </summary>
public class StructureSizeTests
{
    [Fact]
    public void Structures_that_the_kernel_fills_or_reads_have_its_sizes()
    {
        // Documentation/virt/kvm/api.rst 4.140, 4.142, 4.8 and 4.135.
        Assert.Equal(160, Marshal.SizeOf<kvm_userspace_memory_region2>());
        Assert.Equal(64, Marshal.SizeOf<kvm_create_guest_memfd>());
        Assert.Equal(16, Marshal.SizeOf<kvm_dirty_log>());
        Assert.Equal(24, Marshal.SizeOf<kvm_stats_header>());
        Assert.Equal(16, Marshal.SizeOf<kvm_stats_desc>());
        // man 2 statfs, man 2 sysinfo, man 2 waitid.
        Assert.Equal(120, Marshal.SizeOf<Libc.Statfs>());
        Assert.Equal(112, Marshal.SizeOf<Libc.Sysinfo>());
        Assert.Equal(128, Marshal.SizeOf<Libc.Siginfo>());
    }

    [Fact]
    public void A_request_number_carries_the_size_of_its_structure()
    {
        Assert.Equal(160u, KvmIoctl.KVM_SET_USER_MEMORY_REGION2 >> 16 & 0x3FFF);
        Assert.Equal(64u, KvmIoctl.KVM_CREATE_GUEST_MEMFD >> 16 & 0x3FFF);
    }
}
