using System.Net.Sockets;
using System.Text;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Load;

/// <summary>
/// Requests that are never finished share 256 MiB: who would take more is turned away, the others are served, and it all comes back.
/// </summary>
public sealed class UnfinishedInputTests(ITestOutputHelper output)
{
    private const int Clients = 12;
    private const int Unfinished = 48 << 20;
    private const long Budget = 256 * LoadBounds.MiB;

    /// <summary>Beside the bytes themselves: buffers that grow hold more than is in them, and their predecessors until the next collection.</summary>
    private static readonly long Slack = LoadBounds.Choose(128, 192) * LoadBounds.MiB;

    /// <summary>Microseconds that another client's query may take at p99.</summary>
    private static readonly double P99Limit = LoadBounds.Choose(100_000, 300_000);

    [Fact]
    public Task Unfinished_input_of_all_clients_together_is_bounded() => DaemonFixture.RunAsync("-accel none -D {dir}/log", async daemon =>
    {
        using (var warm = LoadClient.Negotiated(daemon.Socket))
            warm.Ask(Finished(1 << 20));
        var sockets = await LoadBounds.SocketsAtRestAsync(daemon);
        var before = ProcessResources.Resident(daemon.Pid);
        // What is bounded is so in every round; how long others wait depends on what else the machine does.
        var waited = double.MaxValue;
        await MeasuredRounds.UntilAsync(least: 1, async () => (waited = Math.Min(waited, await RoundAsync(daemon, sockets, before))) <= P99Limit);
        Assert.InRange(waited, 0, P99Limit);
    });

    /// <returns>The p99 of another client's query meanwhile, microseconds.</returns>
    private async Task<double> RoundAsync(DaemonFixture daemon, int sockets, long before)
    {
        var clients = Enumerable.Range(0, Clients).Select(_ => LoadClient.Negotiated(daemon.Socket)).ToArray();
        Latencies? others = null;
        bool[] refused = [];

        var grown = await PeakMemory.GrowthAsync(daemon, async () => others = await LatencyProbe.DuringAsync(daemon, async () =>
            refused = await Task.WhenAll(clients.Select(client => OwnThread.RunAsync(() => IsRefusedWhileSending(client))))));
        // A refusal may come later than in a moment.
        await Eventually.TrueAsync(
            () => (refused = [.. clients.Select((client, i) => refused[i] || IsRefused(client))]).Count(one => one) >= Clients - 5,
            () => $"only {refused.Count(one => one)} of {Clients} are refused");

        output.WriteLine($"{refused.Count(one => one)} of {Clients} refused, resident grown by {grown >> 20} MiB; others: {others}");
        Assert.InRange(grown, 0, Budget + Slack);
        // 5 × 48 MiB fit, 12 do not; which of them are refused depends on how they come.
        Assert.InRange(refused.Count(one => one), Clients - 5, Clients - 1);

        // Those that fit are no worse for it.
        foreach (var client in clients.Where((_, i) => !refused[i]))
        {
            client.Ask(Encoding.ASCII.GetBytes("\"}\n"));
            Assert.Equal(0, client.Lines.Errors);
        }
        foreach (var client in clients)
            client.Dispose();
        await LoadBounds.SocketsReturnAsync(daemon, sockets);
        using var last = LoadClient.Negotiated(daemon.Socket);
        await Eventually.TrueAsync(
            () =>
            {
                last.Ask(LoadClient.QueryStatus);
                return ProcessResources.Resident(daemon.Pid) - before < 64 * LoadBounds.MiB;
            },
            () => $"resident grown by {(ProcessResources.Resident(daemon.Pid) - before) >> 20} MiB after the clients have left");
        // What was given back can be had again.
        last.Ask(Finished(Unfinished));
        Assert.Equal(0, last.Lines.Errors);
        return others!.P99;
    }

    private static byte[] Finished(int size) => [.. Begin(size), .. "\"}\n"u8];

    private static byte[] Begin(int size)
    {
        var bytes = new byte[size];
        bytes.AsSpan().Fill((byte)'x');
        """{"execute": "query-status", "id": " """u8.TrimEnd((byte)' ').CopyTo(bytes);
        return bytes;
    }

    /// <summary>Sends as much as the daemon takes.</summary>
    /// <returns>Whether it is refused.</returns>
    private static bool IsRefusedWhileSending(LoadClient client)
    {
        var bytes = Begin(Unfinished);
        try
        {
            for (var sent = 0; sent < bytes.Length && client.Lines.Errors == 0;)
            {
                client.Drain();
                var some = client.SendSome(bytes.AsSpan(sent));
                sent += some;
                if (some == 0)
                    client.Socket.Poll(1000, SelectMode.SelectRead);
                if (client.Socket.Poll(0, SelectMode.SelectRead) && !client.Receive())
                    return true;
            }
        }
        catch (SocketException e) when (IsGone(e))
        {
            return true;
        }
        // All is with the daemon when a moment has brought no refusal.
        return IsRefused(client, microseconds: 500_000);
    }

    /// <returns>Whether the daemon has answered with an error, or closed the connection.</returns>
    private static bool IsRefused(LoadClient client, int microseconds = 0)
    {
        try
        {
            return (client.Socket.Poll(microseconds, SelectMode.SelectRead) && !client.Receive()) || client.Lines.Errors > 0;
        }
        catch (SocketException e) when (IsGone(e))
        {
            return true;
        }
    }

    private static bool IsGone(SocketException e) => e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown;
}
