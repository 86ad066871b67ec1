using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.Load;

/// <summary>Clients too slow for events: our own are dropped and counted, the standard ones are not, and who cannot take these is closed.</summary>
public sealed class SlowSubscriberTests
{
    [Fact]
    public Task A_slow_subscriber_is_told_how_many_it_lost_and_loses_no_standard_event() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        const int Changes = 4000;
        const int Stops = 200;
        await using var slow = await daemon.ConnectAsync();
        await slow.SendAsync("""
            {"execute": "event-subscribe", "arguments":
                {"events": ["MEMORY_BACKEND_ADDED", "MEMORY_BACKEND_DELETED", "EVENTS_LOST"]}}
            """);
        Assert.True((await slow.ReceiveAsync()).TryGetProperty("return", out _));
        using var busy = LoadClient.Negotiated(daemon.Socket);
        var change = LoadClient.Line("""
            {"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "m", "size": 65536, "reserve": false}}
            {"execute": "object-del", "arguments": {"id": "m"}}
            """);
        var stop = LoadClient.Line("""{"execute": "stop"} {"execute": "cont"}""");

        await OwnThread.RunAsync(() =>
        {
            for (var i = 0; i < Changes; i++)
            {
                busy.Ask(change, 2);
                if (i % (Changes / Stops) == 0)
                    busy.Ask(stop, 2);
            }
        });
        Assert.Equal(0, busy.Lines.Errors);
        // What was lost is told when there is room again, at the latest with the next event.
        var (own, lost, standard) = (0, 0, new List<string>());
        while (own + lost < 2 * Changes || standard.Count < 2 * Stops)
        {
            var message = await slow.ReceiveAsync();
            switch (message.GetProperty("event").GetString()!)
            {
                case "EVENTS_LOST": lost += message.GetProperty("data").GetProperty("count").GetInt32(); break;
                case "MEMORY_BACKEND_ADDED" or "MEMORY_BACKEND_DELETED": own++; break;
                case var name: standard.Add(name); break;
            }
        }

        Assert.NotEqual(0, lost);
        Assert.Equal(2 * Changes, own + lost);
        Assert.Equal(Enumerable.Repeat((string[])["STOP", "RESUME"], Stops).SelectMany(pair => pair), standard);
        await slow.ExchangeAsync("""{"execute": "query-name"}""", """{"return": {}}""");
    });

    [Fact]
    public Task A_client_that_cannot_take_standard_events_is_closed_and_no_other() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        using var slow = LoadClient.Negotiated(daemon.Socket);
        using var other = LoadClient.Negotiated(daemon.Socket);
        using var busy = LoadClient.Negotiated(daemon.Socket);
        var sockets = await LoadBounds.SocketsAtRestAsync(daemon, clients: 3);
        var stops = Enumerable.Repeat(LoadClient.Line("""{"execute": "stop"} {"execute": "cont"}"""), 100).SelectMany(bytes => bytes).ToArray();

        // Some 110 bytes an event: 1 MiB and what the kernel holds are full after 14,000 of them.
        await OwnThread.RunAsync(() =>
        {
            for (var i = 0; i < 150 && LoadBounds.Sockets(daemon) == sockets; i++)
            {
                busy.Ask(stops, 200);
                other.Drain();
            }
        });

        Assert.Equal(sockets - 1, LoadBounds.Sockets(daemon));
        await OwnThread.RunAsync(() =>
        {
            while (slow.Receive())
            {
            }
        });
        // What it got before the end are whole events, the first ones.
        Assert.InRange(slow.Lines.Events, 1, busy.Lines.Events - 1);
        other.ReceiveUntil(() => other.Lines.Events == busy.Lines.Events);
        other.Ask(LoadClient.QueryStatus);
    });
}
