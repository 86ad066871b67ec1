using System.Net.Sockets;
using System.Text;
using Hostmemd.Daemon.Tests.Load;
using Xunit;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>Many clients, slow clients and clients that end early.</summary>
public sealed class ClientsTests
{
    private const int Clients = 20;

    [Fact]
    public Task Clients_are_all_greeted_at_once_without_any_of_them_saying_a_word() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        var clients = await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => QmpClient.ConnectAsync(daemon.Socket)));

        await Task.WhenAll(clients.Select(client => client.ExpectAsync("""{"QMP": {"version": "$any", "capabilities": ["oob"]}}""")));

        // Each has a session of its own: one negotiates, the others have not.
        await clients[0].ExchangeAsync("""{"execute": "qmp_capabilities"}""", """{"return": {}}""");
        await clients[1].ExchangeAsync(
            """{"execute": "query-name"}""",
            """{"error": {"class": "CommandNotFound", "desc": "Expecting capabilities negotiation with 'qmp_capabilities'"}}""");
        foreach (var client in clients)
            await client.DisposeAsync();
    });

    [Fact]
    public Task A_client_that_reads_nothing_delays_nobody() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        await using var dead = await daemon.ConnectAsync();
        dead.Socket!.Blocking = false;
        var request = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"execute\": \"query-qmp-schema\"}\n", 1000)));
        for (var sent = 0; sent < request.Length && dead.Socket.Poll(0, SelectMode.SelectWrite);)
            sent += dead.Socket.Send(request.AsSpan(sent));

        await using var client = await daemon.ConnectAsync();
        for (var i = 0; i < 100; i++)
        {
            await client.ExchangeAsync("""{"execute": "stop"}""", i == 0 ? """{"timestamp": "$timestamp", "event": "STOP"}""" : """{"return": {}}""");
            if (i == 0)
                await client.ExpectAsync("""{"return": {}}""");
        }
        // What waits for the dead one is bounded: 1 MiB and one reply, beside what the runtime itself takes.
        Assert.InRange(ProcessResources.Resident(daemon.Pid), 1, 200 << 20);
    });

    [Fact]
    public Task A_client_that_closed_its_half_still_gets_every_answer() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        for (var i = 0; i < 50; i++)
            await client.SendAsync($$"""{"execute": "query-name", "id": {{i}}}""");
        client.Socket!.Shutdown(SocketShutdown.Send);

        for (var i = 0; i < 50; i++)
            await client.ExpectAsync($$"""{"return": {}, "id": {{i}}}""");
        Assert.Null(await client.TryReceiveAsync());
    });

    [Fact]
    public Task Clients_that_leave_in_the_middle_leave_nothing_behind() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        var before = await LoadBounds.SocketsAtRestAsync(daemon, clients: 1);
        for (var i = 0; i < Clients; i++)
        {
            await using var hasty = await QmpClient.ConnectAsync(daemon.Socket);
            await hasty.SendAsync("""{"execute": "qmp_capabilities"} {"execute": "object-add", "arguments": {"qom-""");
        }

        await LoadBounds.SocketsReturnAsync(daemon, before);
        await client.ExchangeAsync("""{"execute": "query-memdev"}""", """{"return": []}""");
    });
}
