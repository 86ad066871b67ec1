using Hostmemd.Commands;
using Hostmemd.Protocol.Schema;
using Hostmemd.Sessions;
using Xunit;

namespace Hostmemd.Daemon.Tests.Guests;

/// <summary>In which order replies and events come, for the client that acts and for those that look on.</summary>
public sealed class EventOrderTests
{
    private const string AllEvents =
        """
        {"execute": "event-subscribe", "arguments": {"events":
          ["MEMORY_BACKEND_ADDED", "MEMORY_BACKEND_DELETED", "MEMORY_SLOT_ADDED", "MEMORY_SLOT_DELETED"]}}
        """;

    private const string AddBackend =
        """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true}}""";

    private const string AddDevice = """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""";

    private const string RemoveDevice = """{"execute": "device_del", "arguments": {"id": "d"}}""";

    private const string Deleted =
        """{"timestamp": "$timestamp", "event": "DEVICE_DELETED", "data": {"device": "d", "path": "/machine/peripheral/d"}}""";

    [Fact]
    public async Task Own_events_come_before_the_reply_and_those_of_device_del_after_it()
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel());
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(AllEvents, """{"return": "$any"}""");

        await client.SendAsync(AddBackend);
        await client.ExpectAsync(
            """
            {"timestamp": "$timestamp", "event": "MEMORY_BACKEND_ADDED",
              "data": {"memdev": "/objects/m", "qom-type": "memory-backend-memfd", "size": 2097152, "generation": 2}}
            """);
        await client.ExpectAsync("""{"return": {}}""");
        await client.SendAsync(AddDevice);
        await client.ExpectAsync(
            """{"timestamp": "$timestamp", "event": "MEMORY_SLOT_ADDED", "data": {"slot-info": "$any", "generation": 3}}""");
        await client.ExpectAsync("""{"return": {}}""");
        await client.SendAsync(RemoveDevice);
        await client.ExpectAsync("""{"return": {}}""");
        await client.ExpectAsync(
            """
            {"timestamp": "$timestamp", "event": "MEMORY_SLOT_DELETED",
              "data": {"kvm-slot": 0, "addr": 4294967296, "size": 2097152, "generation": 4}}
            """);
        await client.ExpectAsync(Deleted);
        await client.SendAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""");
        await client.ExpectAsync(
            """
            {"timestamp": "$timestamp", "event": "MEMORY_BACKEND_DELETED",
              "data": {"memdev": "/objects/m", "size": 2097152, "held": false, "generation": 5}}
            """);
        await client.ExpectAsync("""{"return": {}}""");
    }

    [Fact]
    public async Task Who_did_not_subscribe_gets_the_standard_events_alone()
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel());
        var client = await guest.ConnectAsync();
        var onlooker = await guest.ConnectAsync();

        await client.ExchangeAsync(AddBackend, """{"return": {}}""");
        await client.ExchangeAsync(AddDevice, """{"return": {}}""");
        await client.ExchangeAsync(RemoveDevice, """{"return": {}}""");
        await client.ExpectAsync(Deleted);

        await onlooker.ExpectAsync(Deleted);
        await onlooker.ExchangeAsync("""{"execute": "query-name", "id": "next"}""", """{"return": {}, "id": "next"}""");
    }

    [Fact]
    public async Task The_generation_of_a_subscription_is_where_its_events_begin()
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel());
        var client = await guest.ConnectAsync();
        var onlooker = await guest.ConnectAsync();
        await client.ExchangeAsync(AddBackend, """{"return": {}}""");

        await onlooker.ExchangeAsync(
            """{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_SLOT_ADDED", "MEMORY_BACKEND_ADDED", "MEMORY_SLOT_ADDED"]}}""",
            """{"return": {"events": ["MEMORY_BACKEND_ADDED", "MEMORY_SLOT_ADDED"], "generation": 2}}""");
        await client.ExchangeAsync(AddDevice, """{"return": {}}""");
        await onlooker.ExpectAsync(
            """{"timestamp": "$timestamp", "event": "MEMORY_SLOT_ADDED", "data": {"slot-info": "$any", "generation": 3}}""");

        await onlooker.ExchangeAsync(
            """{"execute": "event-subscribe", "arguments": {"events": []}}""", """{"return": {"events": [], "generation": 3}}""");
        await client.ExchangeAsync(RemoveDevice, """{"return": {}}""");
        await onlooker.ExpectAsync(Deleted);
        await client.ExpectAsync(Deleted);
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", """{"return": {}}""");
        await onlooker.ExchangeAsync("""{"execute": "query-memdev"}""", """{"return": []}""");
    }

    [Fact]
    public async Task No_event_is_lost_or_early_around_a_subscription_while_others_work()
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel());
        var client = await guest.ConnectAsync();
        var onlooker = await guest.ConnectAsync();
        const int rounds = 200;
        var working = Task.Run(async () =>
        {
            for (var i = 0; i < rounds; i++)
            {
                await client.ExchangeAsync(AddBackend, """{"return": {}}""");
                await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", """{"return": {}}""");
            }
        });

        await onlooker.SendAsync(AllEvents);
        ulong? begin = null;
        var seen = new List<ulong>();
        for (ulong last = 0; last < 1 + (2 * rounds);)
        {
            var message = await onlooker.ReceiveAsync();
            if (message.TryGetProperty("return", out var subscription))
                begin = last = subscription.GetProperty("generation").GetUInt64();
            else
                seen.Add(last = message.GetProperty("data").GetProperty("generation").GetUInt64());
        }
        await working;

        Assert.Equal(Enumerable.Range((int)begin! + 1, seen.Count).Select(i => (ulong)i), seen);
    }

    [Fact]
    public async Task A_query_that_was_answered_from_before_a_removal_is_in_before_the_event()
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel());
        var actor = await guest.ConnectAsync();
        var pinned = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        // The daemon's query, stopped between looking and answering.
        var slow = new Command<Client, Nothing, List<Api.MemoryDeviceInfo>>(
            "query-memory-devices-slowly", "For this test.", Shapes.StructList, async (client, _) =>
            {
                var answer = MemoryCommands.QueryMemoryDevices(client);
                pinned.SetResult();
                await go.Task;
                return answer;
            });
        var looker = await guest.ConnectAsync(commands: new CommandTable<Client>([.. CommandList.Create().Commands, slow]));
        await actor.ExchangeAsync(AddBackend, """{"return": {}}""");
        await actor.ExchangeAsync(AddDevice, """{"return": {}}""");

        await looker.SendAsync("""{"execute": "query-memory-devices-slowly"}""");
        await pinned.Task;
        await actor.ExchangeAsync(RemoveDevice, """{"return": {}}""");
        await actor.ExpectAsync(Deleted);
        await actor.ExchangeAsync("""{"execute": "query-memory-devices"}""", """{"return": []}""");
        go.SetResult();

        await looker.ExpectAsync("""{"return": [{"type": "dimm", "data": {"$object-with": {"id": "d"}}}]}""");
        await looker.ExpectAsync(Deleted);
        await looker.ExchangeAsync("""{"execute": "query-memory-devices"}""", """{"return": []}""");
    }

    [Fact]
    public async Task No_query_ever_lists_a_device_whose_removal_was_told_before()
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel());
        var actor = await guest.ConnectAsync();
        var looker = await guest.ConnectAsync();
        await actor.ExchangeAsync(AddBackend, """{"return": {}}""");
        const int rounds = 300;
        var working = Task.Run(async () =>
        {
            for (var i = 0; i < rounds; i++)
            {
                await actor.ExchangeAsync(
                    $$$"""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d{{{i}}}", "memdev": "m"} }""", """{"return": {}}""");
                await actor.ExchangeAsync($$$"""{"execute": "device_del", "arguments": {"id": "d{{{i}}}"}}""", """{"return": {}}""");
                await actor.ExpectAsync("""{"timestamp": "$timestamp", "event": "DEVICE_DELETED", "data": "$any"}""");
            }
        });

        var gone = new HashSet<string>();
        while (gone.Count < rounds && !working.IsFaulted)
        {
            await looker.SendAsync("""{"execute": "query-memory-devices"}""");
            var message = await looker.ReceiveAsync();
            for (; message.TryGetProperty("event", out _); message = await looker.ReceiveAsync())
                gone.Add(message.GetProperty("data").GetProperty("device").GetString()!);
            foreach (var device in message.GetProperty("return").EnumerateArray())
                Assert.DoesNotContain(device.GetProperty("data").GetProperty("id").GetString()!, gone);
        }
        await working;
    }
}
