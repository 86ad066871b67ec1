using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Kvm.Tests;

public class GuestMemfdTests(ITestOutputHelper output)
{
    private const ulong MiB = 1 << 20;
    private readonly LinuxKernel _kernel = new();

    [KvmFact]
    public async Task Every_ability_is_reported_in_order_and_those_a_backend_needs_work()
    {
        var report = await GuestMemfdAbilities.MeasureAsync(_kernel);
        foreach (var info in report.Abilities)
            output.WriteLine(info.ToString());
        Assert.Equal(Enum.GetValues<GuestMemfdAbility>(), report.Abilities.Select(a => a.Ability));
        GuestMemfdAbility[] needed =
        [
            GuestMemfdAbility.Create, GuestMemfdAbility.Mmap, GuestMemfdAbility.InitShared, GuestMemfdAbility.Populate,
            GuestMemfdAbility.PunchHole, GuestMemfdAbility.BindAddress, GuestMemfdAbility.BindFd, GuestMemfdAbility.BindAddressOtherVm,
        ];
        Assert.All(needed, a => Assert.Equal((GuestMemfdVerdict.Works, true), (report[a].Verdict, report[a].ControlPassed)));
        Assert.All(report.Abilities.Where(a => a.Verdict != GuestMemfdVerdict.Unproven), a => Assert.True(a.ControlPassed, a.ToString()));
        Assert.Contains(0u, report.VmTypes);
    }

    [Fact]
    public async Task Without_guest_memfd_all_abilities_are_absent()
    {
        var kernel = new FakeKernel { Extensions = { [KvmCapability.GuestMemfd] = 0, [KvmCapability.GuestMemfdFlags] = 0 } };
        var report = await GuestMemfdAbilities.MeasureAsync(kernel);
        Assert.All(report.Abilities, a => Assert.Equal(GuestMemfdVerdict.Absent, a.Verdict));
        Assert.Equal((24, 0), (report.Abilities.Count, kernel.OpenDescriptors));
    }

    [Fact]
    public async Task A_kernel_that_cannot_map_guest_memfd_says_refused_and_the_rest_is_unproven()
    {
        var kernel = new FakeKernel { Extensions = { [KvmCapability.GuestMemfdFlags] = 0 } };
        var report = await GuestMemfdAbilities.MeasureAsync(kernel);
        Assert.Equal((GuestMemfdVerdict.Refused, Errno.EINVAL), (report[GuestMemfdAbility.Create].Verdict, report[GuestMemfdAbility.Create].Errno));
        Assert.Equal(GuestMemfdVerdict.Unproven, report[GuestMemfdAbility.BindAddress].Verdict);
        Assert.Equal((0, 0), (kernel.OpenDescriptors, kernel.MappingCount));
    }

    [KvmFact]
    public async Task A_good_guest_memfd_passes_the_check_and_is_left_as_it_was()
    {
        await using var vm = await VmThread.StartAsync(_kernel);
        using var file = await vm.RunAsync(v => v.CreateGuestMemfd(4 * MiB));
        GuestMemfdCheck.Verify(_kernel, file, 0, 4 * MiB);
        GuestMemfdCheck.Verify(_kernel, file, MiB, MiB);
    }

    [KvmFact]
    public async Task A_guest_memfd_that_is_too_small_or_lacks_flags_is_refused()
    {
        await using var vm = await VmThread.StartAsync(_kernel);
        using var small = await vm.RunAsync(v => v.CreateGuestMemfd(MiB));
        Refused("has 1048576 bytes", small, 0, 2 * MiB);
        Refused("has 1048576 bytes", small, 4096, MiB);
        Refused("overflow", small, 0x7ffffffffffff000, 8192);
        Refused("overflow", small, ulong.MaxValue - 4095, 4096);
        Refused("whole pages", small, 1, 4096);
        Refused("whole pages", small, 0, 0);
        using var kvm = _kernel.OpenKvm();
        using var other = _kernel.CreateVm(kvm, 0);
        using var shut = _kernel.CreateGuestMemfd(other, MiB, GuestMemfdFlags.None);
        using var mapOnly = _kernel.CreateGuestMemfd(other, MiB, GuestMemfdFlags.Mmap);
        Refused("FLAG_MMAP", shut, 0, MiB);
        Refused("INIT_SHARED", mapOnly, 0, MiB);
    }

    [Fact]
    public void A_memfd_and_a_closed_descriptor_are_no_guest_memfd()
    {
        using var memfd = _kernel.MemfdCreate("anon_inode:[kvm-gmem]", MemfdFlags.None);
        _kernel.Ftruncate(memfd, MiB);
        Refused("not a guest_memfd but '/memfd:anon_inode:[kvm-gmem] (deleted)'", memfd, 0, MiB);
        memfd.Dispose();
        Assert.Throws<ObjectDisposedException>(() => GuestMemfdCheck.Verify(_kernel, memfd, 0, MiB));
    }

    [KvmFact]
    public async Task A_descriptor_taken_over_has_one_owner()
    {
        await using var vm = await VmThread.StartAsync(_kernel);
        using var file = await vm.RunAsync(v => v.CreateGuestMemfd(MiB));
        var received = _kernel.Duplicate(file);
        using var taken = GuestMemfd.TakeFrom(received);
        Assert.True(received.IsClosed || received.IsInvalid);
        GuestMemfdCheck.Verify(_kernel, taken, 0, MiB);
    }

    private void Refused(string reason, System.Runtime.InteropServices.SafeHandle file, ulong offset, ulong size) => Assert.Contains(
        reason, Assert.Throws<GuestMemfdCheckException>(() => GuestMemfdCheck.Verify(_kernel, file, offset, size)).Message, StringComparison.Ordinal);
}
