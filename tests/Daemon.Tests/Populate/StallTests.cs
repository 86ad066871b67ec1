using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Hostmemd.Daemon.Tests.Jobs;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Populate;

/// <summary>
/// The daemon is never silent while memory is populated: a client asks for the status every 2 ms on one connection all the while, and its
/// waiting counts from when each request was due. HOSTMEMD_LONG=1 takes 4 GiB instead of 512 MiB, and holds the published program
/// (HOSTMEMD_PROGRAM) to its goals.
/// </summary>
public sealed class StallTests(ITestOutputHelper output)
{
    private static readonly bool IsLong = Environment.GetEnvironmentVariable("HOSTMEMD_LONG") == "1";

    private static readonly long Size = IsLong ? 4L << 30 : 512L << 20;

    private static readonly TimeSpan ProbeEvery = TimeSpan.FromMilliseconds(2);

    private static readonly TimeSpan AddEvery = TimeSpan.FromMilliseconds(10);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task While_memory_is_populated_queries_and_object_adds_are_answered_and_it_gets_on(bool byJob) =>
        DaemonFixture.RunAsync("-accel none", async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            var misses = new List<string>();
            await MeasuredRounds.UntilAsync(least: 1, async () =>
            {
                var idle = await MeasureAsync(daemon, () => Task.Delay(IsLong ? 2000 : 500));
                var clock = new Stopwatch();
                var busy = await MeasureAsync(daemon, () => PopulateAsync(client, byJob, clock));
                await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", JobClient.Done);

                output.WriteLine($"{Size >> 20} MiB with 2 threads, {(byJob ? "by a job" : "by object-add")}, {clock.ElapsedMilliseconds} ms");
                output.WriteLine($"idle: {idle}");
                output.WriteLine($"busy: {busy}");
                output.WriteLine($"resident, MiB: {string.Join(' ', busy.Resident.Select(bytes => bytes >> 20))}");
                misses = Misses(idle, busy, clock.Elapsed.TotalMilliseconds);
                return misses.Count == 0;
            });
            Assert.Empty(misses);
        });

    private static async Task PopulateAsync(QmpClient client, bool byJob, Stopwatch clock)
    {
        if (byJob)
            await client.AddMemfdAsync("m", Size);
        clock.Start();
        if (byJob)
        {
            await client.StartJobAsync("j", "m", ", \"threads\": 2, \"auto-dismiss\": true");
            await client.ExpectStatesAsync("j", "waiting", "pending", "concluded", "null");
        }
        else
        {
            await client.AddMemfdAsync("m", Size, ", \"prealloc\": true, \"prealloc-threads\": 2");
        }
        clock.Stop();
    }

    /// <param name="took">Milliseconds until all was populated.</param>
    /// <returns>The goals that were not reached.</returns>
    private static List<string> Misses(Measured idle, Measured busy, double took)
    {
        // Where a daemon is silent those that are asked meanwhile wait for half of the time and more.
        List<(string Name, double Value, double Goal)> goals =
        [
            ("query-status, p90", Quantile(busy.Status, 0.9), Math.Max(20, took / 10)),
            ("object-add, p50", Quantile(busy.Add, 0.5), Math.Max(50, took / 4)),
            ("places where nothing came", Stops(busy.Resident), 0),
        ];
        if (IsLong)
            goals.AddRange(
            [
                ("query-status, p99 above idle", Quantile(busy.Status, 0.99) - Quantile(idle.Status, 0.99), 2),
                ("query-status, worst above idle", busy.Status[^1] - idle.Status[^1], 20),
                ("object-add, p99", Quantile(busy.Add, 0.99), 5),
                ("object-add, worst", busy.Add[^1], 20),
            ]);
        return [.. goals.Where(goal => goal.Value > goal.Goal)
            .Select(goal => string.Create(CultureInfo.InvariantCulture, $"{goal.Name}: {goal.Value:0.00}, not {goal.Goal:0.00}"))];
    }

    /// <summary>How often nothing came for a third of the time, once it had begun.</summary>
    private static int Stops(List<long> resident)
    {
        var grown = resident.SkipWhile(bytes => bytes < 4 << 20).TakeWhile(bytes => bytes < Size).ToList();
        var third = (grown.Count / 3) + 1;
        // The short run may be over before it was looked at often enough.
        if (IsLong)
            Assert.InRange(grown.Distinct().Count(), 6, int.MaxValue);
        return grown.Count < 6 ? 0 : Enumerable.Range(0, grown.Count - third).Count(i => grown[i + third] <= grown[i]);
    }

    private static async Task<Measured> MeasureAsync(DaemonFixture daemon, Func<Task> work)
    {
        using var stop = new CancellationTokenSource();
        using var status = new Probe(daemon.Socket);
        using var adder = new Probe(daemon.Socket);
        var resident = new List<long>();
        var asked = Start(() => status.Run(ProbeEvery, probe => probe.Ask("""{"execute": "query-status"}"""), stop.Token));
        var added = Start(() =>
        {
            var times = new List<double>();
            // object-add counts, the object-del after it does not.
            adder.Run(
                AddEvery,
                probe =>
                {
                    var start = Stopwatch.GetTimestamp();
                    probe.Ask("""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "small", "size": 2097152}}""");
                    times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                    probe.Ask("""{"execute": "object-del", "arguments": {"id": "small"}}""");
                },
                stop.Token);
            return times;
        });
        var watched = WatchAsync(daemon, resident, stop.Token);
        await work();
        await stop.CancelAsync();
        await watched;
        var measured = new Measured(await asked, await added, resident);
        measured.Status.Sort();
        measured.Add.Sort();
        return measured;
    }

    private static Task<List<double>> Start(Func<List<double>> measure) => Task.Factory.StartNew(
        measure, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>What the memory takes: as query-memory-usage says once it is published, as its file says before.</summary>
    private static async Task WatchAsync(DaemonFixture daemon, List<long> resident, CancellationToken stop)
    {
        await using var client = await daemon.ConnectAsync();
        while (!stop.IsCancellationRequested)
        {
            resident.Add(await UsageAsync(client) is var usage and > 0 ? usage : BlocksOf(daemon.Pid));
            await Task.Delay(IsLong ? 100 : 20, CancellationToken.None);
        }
    }

    private static async Task<long> UsageAsync(QmpClient client)
    {
        await client.SendAsync("""{"execute": "query-memory-usage"}""");
        JsonElement usage;
        // Events of jobs come in between.
        while (!(await client.ReceiveAsync()).TryGetProperty("return", out usage))
        {
        }

        return usage.GetProperty("backends").EnumerateArray().Where(backend => backend.GetProperty("memdev").GetString() == "/objects/m")
            .Sum(backend => backend.GetProperty("resident").GetInt64());
    }

    /// <summary>The largest memfd that the daemon has open.</summary>
    private static long BlocksOf(int pid)
    {
        var kernel = new LinuxKernel();
        var most = 0L;
        foreach (var path in Directory.GetFileSystemEntries($"/proc/{pid}/fd"))
        {
            try
            {
                if (new FileInfo(path).LinkTarget?.Contains("memory-backend-memfd", StringComparison.Ordinal) == true)
                    most = Math.Max(most, (long)kernel.Stat(path).Blocks * 512);
            }
            catch (Exception e) when (e is KernelException or IOException)
            {
                // Closed meanwhile.
            }
        }

        return most;
    }

    private static double Quantile(List<double> sorted, double part) => sorted[(int)Math.Min(sorted.Count - 1, part * sorted.Count)];

    private sealed record Measured(List<double> Status, List<double> Add, List<long> Resident)
    {
        public override string ToString() => $"query-status {Show(Status)}; object-add {Show(Add)}";

        private static string Show(List<double> times) => string.Create(
            CultureInfo.InvariantCulture,
            $"{times.Count} times, p50 {Quantile(times, 0.5):0.00} p99 {Quantile(times, 0.99):0.00} p99.9 {Quantile(times, 0.999):0.00} worst {times[^1]:0.00} ms");
    }
}
