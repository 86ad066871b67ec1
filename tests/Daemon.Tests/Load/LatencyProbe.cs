using System.Diagnostics;
using Hostmemd.Daemon.Tests.Processes;

namespace Hostmemd.Daemon.Tests.Load;

/// <summary>
/// A client that asks query-status every two milliseconds while something goes on. A reply's latency counts from when its request was due, so
/// that a stall is charged to every request it delays.
/// </summary>
internal static class LatencyProbe
{
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(2);

    /// <summary>Probes on a thread of its own as long as the work takes, which begins when the probe can ask.</summary>
    public static async Task<Latencies> DuringAsync(DaemonFixture daemon, Func<Task> work)
    {
        using var stop = new CancellationTokenSource();
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var probing = OwnThread.RunAsync(() => Probe(daemon.Socket, ready, stop.Token));
        try
        {
            await await Task.WhenAny(ready.Task, probing);
            await work();
        }
        finally
        {
            await stop.CancelAsync();
        }
        return await probing;
    }

    /// <summary>The same while nothing else goes on.</summary>
    public static Task<Latencies> IdleAsync(DaemonFixture daemon, TimeSpan time) => DuringAsync(daemon, () => Task.Delay(time));

    private static Latencies Probe(string socket, TaskCompletionSource ready, CancellationToken stop)
    {
        var kernel = new LinuxKernel();
        using var client = LoadClient.Negotiated(socket);
        var times = new List<double>();
        ready.SetResult();
        var clock = Stopwatch.StartNew();
        var due = TimeSpan.Zero;
        do
        {
            if (due > clock.Elapsed)
                kernel.Pause(due - clock.Elapsed);
            client.Ask(LoadClient.QueryStatus);
            times.Add((clock.Elapsed - due).TotalMicroseconds);
            due += Every;
        }
        while (!stop.IsCancellationRequested);
        return new Latencies(times);
    }
}
