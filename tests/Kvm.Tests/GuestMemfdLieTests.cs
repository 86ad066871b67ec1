using Xunit;

namespace Hostmemd.Kvm.Tests;

/// <summary>A kernel that says yes and does nothing has no ability: each effect is looked for. With no vCPU, what needs one is unproven.</summary>
public class GuestMemfdLieTests
{
    [Fact]
    public async Task A_kernel_that_does_what_it_says_has_the_abilities_that_can_be_seen_without_a_vCPU()
    {
        var kernel = new FakeKernel();
        var report = await GuestMemfdAbilities.MeasureAsync(kernel);
        GuestMemfdAbility[] seen =
        [
            GuestMemfdAbility.Create, GuestMemfdAbility.Mmap, GuestMemfdAbility.InitShared, GuestMemfdAbility.Populate, GuestMemfdAbility.PunchHole,
            GuestMemfdAbility.NumaPolicy,
        ];
        Assert.Equal(seen, report.Abilities.Where(a => a.Verdict == GuestMemfdVerdict.Works).Select(a => a.Ability));
        Assert.Equal(
            [
                GuestMemfdAbility.BindFd, GuestMemfdAbility.BindAddress, GuestMemfdAbility.BindAddressOtherVm, GuestMemfdAbility.BindFdOtherVm,
                GuestMemfdAbility.DirtyLogAddress, GuestMemfdAbility.DirtyLogFd, GuestMemfdAbility.ReadonlyFd, GuestMemfdAbility.AliasFd,
                GuestMemfdAbility.MoveFd,
            ],
            report.Abilities.Where(a => a.Detail?.StartsWith("no vCPU to look", StringComparison.Ordinal) == true
                && a.Verdict == GuestMemfdVerdict.Unproven).Select(a => a.Ability));
        Assert.Equal((0, 0), (kernel.OpenDescriptors, kernel.MappingCount));
    }

    [Theory]
    [InlineData("Fallocate", GuestMemfdAbility.PunchHole)]
    [InlineData("Madvise", GuestMemfdAbility.Populate)]
    [InlineData("WriteMemory", GuestMemfdAbility.InitShared)]
    [InlineData("WriteMemory", GuestMemfdAbility.Mmap)]
    [InlineData("Mbind", GuestMemfdAbility.NumaPolicy)]
    [InlineData("Pwrite", GuestMemfdAbility.Write)]
    [InlineData("Ftruncate", GuestMemfdAbility.Resize)]
    public async Task A_call_that_does_nothing_is_ineffective_and_the_control_tells_too(string lie, GuestMemfdAbility ability)
    {
        var kernel = new FakeKernel();
        kernel.Lies.Add(lie);
        var info = (await GuestMemfdAbilities.MeasureAsync(kernel))[ability];
        Assert.Equal(GuestMemfdVerdict.Ineffective, info.Verdict);
        Assert.Null(info.Errno);
        kernel.Lies.Clear();
        Assert.NotEqual(GuestMemfdVerdict.Ineffective, (await GuestMemfdAbilities.MeasureAsync(kernel))[ability].Verdict);
    }

    [Theory]
    [InlineData(KvmCapability.MemoryAttributes, GuestMemfdAbility.MemoryAttributes)]
    public async Task A_capability_without_its_call_is_absent(KvmCapability capability, GuestMemfdAbility ability)
    {
        var kernel = new FakeKernel();
        var info = (await GuestMemfdAbilities.MeasureAsync(kernel))[ability];
        Assert.Equal((GuestMemfdVerdict.Absent, true, Errno.ENOTTY), (info.Verdict, info.ControlPassed, info.Errno));
        kernel.Extensions[capability] = 1;
        info = (await GuestMemfdAbilities.MeasureAsync(kernel))[ability];
        Assert.Equal((GuestMemfdVerdict.Absent, false, Errno.ENOTTY), (info.Verdict, info.ControlPassed, info.Errno));
    }

    [Fact]
    public async Task Flags_that_are_taken_whatever_they_are_prove_nothing()
    {
        var kernel = new FakeKernel { TakesAnyFlag = true };
        var info = (await GuestMemfdAbilities.MeasureAsync(kernel))[GuestMemfdAbility.Create];
        Assert.Equal((GuestMemfdVerdict.Unproven, false), (info.Verdict, info.ControlPassed));
    }
}
