using Hostmemd.Kvm.Native;
using Xunit;

namespace Hostmemd.Daemon.Tests.Guests;

/// <summary>A KVM that says it has made a slot and has made none, or another: a vCPU looks, and the verdict is never "works".</summary>
public sealed class LyingKvmTests
{
    private const MemoryRegionFlags File = MemoryRegionFlags.GuestMemfd;

    /// <summary>Where the measurement puts the vCPU's own slot; without that there is nobody to look.</summary>
    private const ulong Probe = 1UL << 35;

    [KvmTheory]
    [InlineData(File, MemoryRegionFlags.None, GuestMemfdAbility.BindFd)]
    [InlineData(MemoryRegionFlags.LogDirtyPages, MemoryRegionFlags.None, GuestMemfdAbility.DirtyLogAddress)]
    [InlineData(File | MemoryRegionFlags.LogDirtyPages, File, GuestMemfdAbility.DirtyLogFd)]
    [InlineData(File | MemoryRegionFlags.ReadOnly, File, GuestMemfdAbility.ReadonlyFd)]
    [InlineData(File, MemoryRegionFlags.None, GuestMemfdAbility.BindFdOtherVm)]
    public Task A_flag_that_is_taken_and_left_out_is_seen(MemoryRegionFlags asked, MemoryRegionFlags made, GuestMemfdAbility ability) =>
        ExpectAsync(ability, region => region.flags == asked ? region with { flags = made } : region);

    [KvmTheory]
    [InlineData(MemoryRegionFlags.None, GuestMemfdAbility.BindAddress)]
    [InlineData(File, GuestMemfdAbility.BindFd)]
    [InlineData(File, GuestMemfdAbility.BindFdOtherVm)]
    [InlineData(File | MemoryRegionFlags.LogDirtyPages, GuestMemfdAbility.DirtyLogFd)]
    [InlineData(File | MemoryRegionFlags.ReadOnly, GuestMemfdAbility.ReadonlyFd)]
    public Task A_slot_that_is_not_there_is_seen(MemoryRegionFlags asked, GuestMemfdAbility ability) =>
        ExpectAsync(ability, region => region.flags == asked && region.guest_phys_addr != Probe ? null : region);

    [KvmTheory]
    [InlineData(GuestMemfdAbility.AliasFd)]
    [InlineData(GuestMemfdAbility.MoveFd)]
    public Task A_second_place_that_is_not_there_is_seen(GuestMemfdAbility ability) =>
        ExpectAsync(ability, region => region.flags == File && region.guest_phys_addr == 2UL << 30 ? null : region);

    private static async Task ExpectAsync(GuestMemfdAbility ability, Func<kvm_userspace_memory_region2, kvm_userspace_memory_region2?> lie)
    {
        var kernel = new FailingKernel(new LinuxKernel()) { Slots = lie };
        var info = (await GuestMemfdAbilities.MeasureAsync(kernel))[ability];
        Assert.Equal((GuestMemfdVerdict.Ineffective, null), (info.Verdict, info.Errno));
        // The same kernel, honest.
        Assert.NotEqual(GuestMemfdVerdict.Ineffective, (await GuestMemfdAbilities.MeasureAsync(new LinuxKernel()))[ability].Verdict);
    }
}
