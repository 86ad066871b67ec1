using System.Diagnostics;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.Metrics;

/// <summary>The figures, read by a parser of other people: the one for OpenMetrics in Debian's python3-prometheus-client.</summary>
public sealed class CollectorTests
{
    /// <summary>Debian's own Python, which has its packages.</summary>
    private const string Python = "/usr/bin/python3";

    private const string Program = """
        import sys
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
        for family in text_string_to_metric_families(sys.stdin.read()):
            print(family.type, family.name, len(family.samples))
        """;

    [PrometheusFact]
    public Task Prometheus_reads_them() => DaemonFixture.RunAsync("-machine q35 -m 64M,slots=2,maxmem=1G", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.AskAsync("""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}}""");
        await client.AskAsync("""{"execute": "object-del", "arguments": {"id": "none"}}""");
        var text = await MetricsTests.TextAsync(client);

        var (status, said) = await RunAsync(text);

        Assert.True(status == 0, said);
        var families = said.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(text.Split('\n').Count(line => line.StartsWith("# TYPE ", StringComparison.Ordinal)), families.Length);
        Assert.Contains("info hostmemd 1", families);
        Assert.Contains(families, family => family.StartsWith("counter hostmemd_commands ", StringComparison.Ordinal));
        Assert.Contains("gauge hostmemd_backend_bytes 5", families);
        Assert.Contains(families, family => family.StartsWith("histogram hostmemd_command_duration_seconds ", StringComparison.Ordinal));
        // It refuses what the format does not allow.
        Assert.NotEqual(0, (await RunAsync(text.Replace("# EOF", "", StringComparison.Ordinal))).Status);
    });

    private static async Task<(int Status, string Output)> RunAsync(string input)
    {
        using var process = Start(Program);
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var said = await process.StandardOutput.ReadToEndAsync() + await errors;
        await process.WaitForExitAsync();
        return (process.ExitCode, said);
    }

    private static Process Start(string program) => Process.Start(new ProcessStartInfo(Python, ["-c", program])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    /// <summary>Skipped with the reason where that package is not installed.</summary>
    private sealed class PrometheusFactAttribute : FactAttribute
    {
        public PrometheusFactAttribute()
        {
            if (!IsInstalled())
                Skip = "python3-prometheus-client is not installed";
        }

        private static bool IsInstalled()
        {
            if (!File.Exists(Python))
                return false;
            using var process = Start("import prometheus_client.openmetrics.parser");
            process.WaitForExit();
            return process.ExitCode == 0;
        }
    }
}
