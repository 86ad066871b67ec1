using System.Text.Json;
using Hostmemd.Daemon.Tests.Processes;
using Hostmemd.Protocol.Wire;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Load;

/// <summary>
/// Mixed load with clients that die in the middle of everything. Nothing may have grown between the first third and the end, looked at when the
/// clients are gone and what they made is removed. HOSTMEMD_SOAK says for how many seconds; HOSTMEMD_LONG=1 takes ten minutes.
/// </summary>
public sealed class SoakTests(ITestOutputHelper output)
{
    private const int Clients = 8;
    private const int Parts = 3;

    private static readonly byte[] LargeRequest = LoadClient.Line(
        $$$"""{"execute": "query-status", "arguments": {"none": "{{{new string('x', 2 * (int)InputBudget.LargeValue)}}}"}}""");

    [Fact]
    public Task Mixed_load_with_dying_clients_leaves_nothing() => DaemonFixture.RunAsync(
        "-machine q35 -m 2M,slots=64,maxmem=64G -D {dir}/log",
        async daemon =>
        {
            var seed = (ulong)TimeProvider.System.GetTimestamp();
            output.WriteLine($"seed {seed}, {LoadBounds.Soak.TotalSeconds:0} s");
            await RunPartAsync(daemon, seed, TimeSpan.FromSeconds(1));
            var used = new List<Resources>();

            for (var part = 1; part <= Parts; part++)
            {
                var (lives, actions) = await RunPartAsync(daemon, seed + (ulong)part, LoadBounds.Soak / Parts);
                used.Add(await AtRestAsync(daemon));
                output.WriteLine($"after {part} of {Parts}: {lives} clients, {actions} requests; {used[^1]}");
                Assert.NotEqual(0, actions);
            }

            var (first, last) = (used[0], used[^1]);
            // Compiled as it runs, the runtime opens, starts and maps for itself until all is compiled, which takes minutes.
            Assert.InRange(last.Descriptors, 0, first.Descriptors + LoadBounds.Choose(0, 20));
            // In seconds not every thread for slow work has been needed yet.
            Assert.InRange(last.Threads, 0, first.Threads + (LoadBounds.IsPublished && LoadBounds.Soak >= TimeSpan.FromMinutes(1) ? 0 : 4));
            // The pool takes and retires workers by itself; each brings its stack, a guard page and what malloc keeps for it.
            Assert.InRange(last.PoolWorkers, 0, 40);
            var workers = Math.Max(0, last.PoolWorkers - first.PoolWorkers);
            Assert.InRange(last.Mappings, 0, first.Mappings + (3 * workers) + LoadBounds.Choose(10, 200));
            Assert.InRange(last.Resident - first.Resident, long.MinValue, LoadBounds.Choose(2, 32) * LoadBounds.MiB);
            Assert.DoesNotContain(" ERR ", await File.ReadAllTextAsync(daemon.Directory + "/log"), StringComparison.Ordinal);
        });

    private static async Task<(int Lives, int Actions)> RunPartAsync(DaemonFixture daemon, ulong seed, TimeSpan time)
    {
        using var stop = new CancellationTokenSource(time);
        var workers = Enumerable.Range(0, Clients).Select(number => new SoakWorker(daemon.Socket, number, seed)).ToArray();
        await Task.WhenAll(workers.Select(worker => OwnThread.RunAsync(() => worker.Run(stop.Token))));
        return (workers.Sum(worker => worker.Lives), workers.Sum(worker => worker.Actions));
    }

    /// <summary>Removes what the clients left and waits until the daemon has nothing to do.</summary>
    private static async Task<Resources> AtRestAsync(DaemonFixture daemon)
    {
        var end = TimeProvider.System.GetTimestamp() + (long)(QmpClient.Patience.TotalSeconds * TimeProvider.System.TimestampFrequency);
        // An object-add of a client that has left goes on, and its object comes later: so more than once.
        while (true)
        {
            await OwnThread.RunAsync(() =>
            {
                using var client = LoadClient.Negotiated(daemon.Socket);
                foreach (var request in Enumerable.Range(0, Clients).SelectMany(SoakWorker.Removal))
                    client.Ask(LoadClient.Line(request));
            });
            var left = await LeftAsync(daemon);
            if (left.Count == 0)
                break;
            Assert.True(TimeProvider.System.GetTimestamp() < end, $"left behind: {string.Join(", ", left)}");
        }
        await LoadBounds.SocketsAtRestAsync(daemon);
        // By itself the runtime collects some time or other, and until then 20 MiB may be waiting. After a large value the daemon has it collect.
        await OwnThread.RunAsync(() =>
        {
            using var client = LoadClient.Negotiated(daemon.Socket);
            client.Ask(LargeRequest);
        });
        await LoadBounds.SocketsAtRestAsync(daemon);
        // What the runtime gives back, it gives back in its own time.
        await Task.Delay(TimeSpan.FromSeconds(1));
        return Resources.Of(daemon.Pid);
    }

    /// <summary>Memory that is left: devices, backends but the machine's own, and descriptors, which that has none of.</summary>
    private static async Task<List<string>> LeftAsync(DaemonFixture daemon)
    {
        await using var client = await daemon.ConnectAsync();
        using var devices = JsonDocument.Parse(await client.QueryAsync("query-memory-devices"));
        using var backends = JsonDocument.Parse(await client.QueryAsync("query-memdev"));
        return
        [
            .. devices.RootElement.EnumerateArray().Select(device => device.GetRawText()),
            .. backends.RootElement.EnumerateArray().Select(backend => backend.GetProperty("id").GetString()!).Where(id => id != "pc.ram"),
            .. ProcessResources.Descriptors(daemon.Pid).Where(target => target.Contains("/memfd:", StringComparison.Ordinal)
                && !target.Contains("doublemapper", StringComparison.Ordinal)),
        ];
    }

    private sealed record Resources(int Descriptors, int Threads, int PoolWorkers, int Mappings, long Resident)
    {
        public static Resources Of(int pid)
        {
            var threads = Support.Threads.Names(pid).ToLookup(name => name.StartsWith(".NET TP ", StringComparison.Ordinal));
            return new(
                ProcessResources.Descriptors(pid).Count(target => !target.EndsWith(".dll", StringComparison.Ordinal)),
                threads[false].Count(),
                threads[true].Count(),
                ProcessResources.MappingsOfMemory(pid),
                ProcessResources.Resident(pid));
        }

        public override string ToString() => $"{Descriptors} descriptors, {Threads} threads and {PoolWorkers} of the pool, {Mappings} mappings, "
            + $"{Resident >> 10} KiB resident";
    }
}
