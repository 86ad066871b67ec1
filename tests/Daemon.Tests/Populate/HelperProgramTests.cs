using Hostmemd.Populate;
using Xunit;

namespace Hostmemd.Daemon.Tests.Populate;

/// <summary>How the program finds itself, in a host that is another program.</summary>
public sealed class HelperProgramTests
{
    [Fact]
    public async Task Found_from_a_tests_host_it_populates()
    {
        var kernel = new LinuxKernel();
        using var memory = new PopulatedMemory(kernel, 1 << 20);

        var report = await Task.Run(() =>
        {
            using var helper = PopulateHelper.Start(kernel, HelperProgram.Find(), new PopulateOrder { Offset = 0, Length = 1 << 20 }, memory.File);
            helper.Grant(1 << 20);
            return helper.Follow(1 << 20, null);
        });

        Assert.Equal(new PopulateReport(PopulateReportKind.Done, 0, 1 << 20), report);
        Assert.Equal(1UL << 20, memory.Populated);
    }

    [Fact]
    public void Its_environment_is_ours_and_each_name_is_there_once()
    {
        var names = HelperProgram.EnvironmentOfHelper().Select(variable => variable[..variable.IndexOf('=', StringComparison.Ordinal)]).ToList();

        Assert.Contains("PATH", names);
        Assert.Equal(names.Distinct(), names);
    }
}
