using System.Globalization;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Load;

/// <summary>
/// On a host whose memory is sold to guests nearly none is free. That must not make the daemon slow: it is measured against itself.
/// </summary>
public sealed class FullCgroupTests(ITestOutputHelper output)
{
    private const long Limit = 512 * LoadBounds.MiB;
    private const double Full = 0.97;
    private const double Slower = 1.5;

    private static readonly TimeSpan Time = TimeSpan.FromMilliseconds(600);

    [MemoryCgroupFact]
    public async Task In_a_control_group_filled_to_97_percent_queries_are_as_fast_as_outside()
    {
        using var group = MemoryCgroup.Create(Limit);
        await DaemonFixture.RunAsync("-accel none -D {dir}/log", outside => DaemonFixture.RunAsync(
            "-accel none -D {dir}/log",
            async inside =>
            {
                foreach (var daemon in (DaemonFixture[])[outside, inside])
                    await LoadAsync(daemon);
                await FillAsync(inside, group);
                var (within, without) = (double.MaxValue, double.MaxValue);
                await MeasuredRounds.UntilAsync(least: 3, async () =>
                {
                    var there = await LoadAsync(inside);
                    var here = await LoadAsync(outside);
                    output.WriteLine($"inside: {there}; outside: {here}; {100.0 * group.Used / Limit:0.0} % of the group are used");
                    (within, without) = (Math.Min(within, there.P99), Math.Min(without, here.P99));
                    Assert.InRange(group.Used, (long)((Full - 0.02) * Limit), Limit);
                    return within <= Slower * without;
                });
                Assert.InRange(within, 0, Slower * without);
            },
            launcher: group.Launcher), launcher: MemoryCgroup.Outside);
    }

    /// <summary>Queries beside another client that makes the daemon allocate: objects come and go, and the schema is asked for.</summary>
    private static Task<Latencies> LoadAsync(DaemonFixture daemon) => LatencyProbe.DuringAsync(daemon, () => OwnThread.RunAsync(() =>
    {
        using var other = LoadClient.Negotiated(daemon.Socket);
        var requests = LoadClient.Line("""
            {"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}}
            {"execute": "query-memdev"} {"execute": "object-del", "arguments": {"id": "m"}} {"execute": "query-qmp-schema"}
            """);
        var kernel = new LinuxKernel();
        var end = TimeProvider.System.GetTimestamp() + (long)(Time.TotalSeconds * TimeProvider.System.TimestampFrequency);
        while (TimeProvider.System.GetTimestamp() < end)
        {
            other.Ask(requests, 4);
            kernel.Pause(TimeSpan.FromMilliseconds(1));
        }
        Assert.Equal(0, other.Lines.Errors);
    }));

    /// <summary>Guest memory, as on such a host: it cannot be given back by anybody but its guest.</summary>
    private static async Task FillAsync(DaemonFixture daemon, MemoryCgroup group)
    {
        await using var client = await daemon.ConnectAsync();
        // The helper that populates takes some for itself, and what the kernel counts lags behind: so in steps.
        for (var step = 0; step < 6 && group.Used < (Full - 0.01) * Limit; step++)
        {
            var size = ((long)((Full * Limit) - group.Used) & ~0xFFFFL).ToString(CultureInfo.InvariantCulture);
            await client.ExchangeAsync(
                $$$"""
                {"execute": "object-add", "arguments":
                    {"qom-type": "memory-backend-ram", "id": "fill-{{{step}}}", "size": {{{size}}}, "prealloc": true}}
                """,
                """{"return": {}}""");
        }
    }
}
