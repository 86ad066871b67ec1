using System.Diagnostics;
using System.Net.Sockets;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Load;

/// <summary>A thousand clients on one socket. Each figure is the best of several rounds: the machine's noise only makes them worse.</summary>
public sealed class ManyClientsTests(ITestOutputHelper output)
{
    private const int Clients = 1000;
    private const int Asking = 100;
    private const int Questions = 20;

    /// <summary>The p99 over the clients' means, by their median.</summary>
    private const double UnfairLimit = 5;

    private static readonly double NegotiatedLimit = LoadBounds.Choose(0.5, 3);

    private static readonly double ToldLimit = LoadBounds.Choose(50, 300);

    private static readonly byte[] Negotiate = LoadClient.Line("""{"execute": "qmp_capabilities"}""");

    [Fact]
    public Task A_thousand_clients_are_served_fairly() => DaemonFixture.RunAsync("-accel none -D {dir}/log", async daemon =>
    {
        using (var first = LoadClient.Negotiated(daemon.Socket))
            first.Ask(LoadClient.QueryStatus);
        var sockets = await LoadBounds.SocketsAtRestAsync(daemon);
        var (negotiated, told, unfair, perClient) = (TimeSpan.MaxValue, TimeSpan.MaxValue, double.MaxValue, (long?)null);

        await MeasuredRounds.UntilAsync(least: 2, async () =>
        {
            var before = ProcessResources.Resident(daemon.Pid);
            var clock = Stopwatch.StartNew();
            var clients = await OwnThread.RunAsync(() => Connect(daemon.Socket));
            negotiated = Min(negotiated, clock.Elapsed);
            // Only the first thousand make the daemon grow; those after them take their place.
            if (perClient is null)
                perClient = (ProcessResources.Resident(daemon.Pid) - before) / Clients;

            told = Min(told, await OwnThread.RunAsync(() => Tell(clients)));
            unfair = Math.Min(unfair, await OwnThread.RunAsync(() => Unfairness(clients)));
            foreach (var client in clients)
                client.Dispose();
            await LoadBounds.SocketsReturnAsync(daemon, sockets);
            return negotiated.TotalSeconds <= NegotiatedLimit && told.TotalMilliseconds <= ToldLimit && unfair <= UnfairLimit;
        });

        output.WriteLine($"negotiated in {negotiated.TotalMilliseconds:0} ms, an event at all in {told.TotalMilliseconds:0.0} ms, "
            + $"{perClient} bytes each, {Asking} querying: p99 over clients is {unfair:0.00} × the median");
        Assert.InRange(negotiated.TotalSeconds, 0, NegotiatedLimit);
        Assert.InRange(told.TotalMilliseconds, 0, ToldLimit);
        Assert.InRange(perClient!.Value, 0, LoadBounds.Choose(32, 160) * LoadBounds.KiB);
        Assert.InRange(unfair, 0, UnfairLimit);
    });

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static LoadClient[] Connect(string socket)
    {
        var clients = new LoadClient[Clients];
        for (var i = 0; i < Clients; i++)
            clients[i] = new LoadClient(socket);
        foreach (var client in clients)
        {
            client.ReceiveUntil(() => client.Lines.Greetings == 1);
            client.Send(Negotiate);
        }
        foreach (var client in clients)
            client.ReceiveUntil(() => client.Lines.Replies == 1);
        return clients;
    }

    /// <returns>From the command until the last client has its event.</returns>
    private static TimeSpan Tell(LoadClient[] clients)
    {
        var clock = Stopwatch.StartNew();
        clients[0].Send(LoadClient.Line("""{"execute": "stop"}"""));
        foreach (var client in clients)
            client.ReceiveUntil(() => client.Lines.Events == 1);
        var took = clock.Elapsed;
        clients[0].Ask(LoadClient.Line("""{"execute": "cont"}"""), count: clients[0].Lines.Replies == 1 ? 2 : 1);
        foreach (var client in clients)
            client.ReceiveUntil(() => client.Lines.Events == 2);
        return took;
    }

    /// <summary>A hundred ask at once, each again as soon as it has its answer.</summary>
    /// <returns>The p99 of the clients' mean latencies by their median.</returns>
    private static double Unfairness(LoadClient[] all)
    {
        var clients = all[..Asking];
        var index = clients.ToDictionary(client => client.Socket);
        var left = clients.ToDictionary(client => client, _ => Questions);
        var sum = clients.ToDictionary(client => client, _ => 0L);
        var sent = new Dictionary<LoadClient, long>();
        var replies = clients.ToDictionary(client => client, client => client.Lines.Replies);
        foreach (var client in clients)
        {
            sent[client] = Stopwatch.GetTimestamp();
            client.Send(LoadClient.QueryStatus);
        }
        while (left.Count > 0)
        {
            var ready = left.Keys.Select(client => client.Socket).ToList();
            Socket.Select(ready, null, null, (int)QmpClient.Patience.TotalMicroseconds);
            Assert.NotEmpty(ready);
            foreach (var client in ready.Select(socket => index[socket]))
            {
                client.Receive();
                if (client.Lines.Replies == replies[client])
                    continue;
                var now = Stopwatch.GetTimestamp();
                (sum[client], replies[client], sent[client]) = (sum[client] + now - sent[client], client.Lines.Replies, now);
                if (--left[client] == 0)
                    left.Remove(client);
                else
                    client.Send(LoadClient.QueryStatus);
            }
        }
        var means = new Latencies(sum.Values.Select(ticks => ticks * 1e6 / Stopwatch.Frequency / Questions));
        return means.P99 / means.Median;
    }
}
