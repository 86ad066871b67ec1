using Xunit;

namespace Hostmemd.Daemon.Tests.Guests;

public sealed class TwoGuestsTests
{
    [KvmFact]
    public async Task Two_guests_in_one_process_use_the_same_ids_and_do_not_see_each_other()
    {
        await using var one = await InProcessGuest.StartAsync(new LinuxKernel());
        await using var other = await InProcessGuest.StartAsync(new LinuxKernel());
        var client = await one.ConnectAsync();
        var stranger = await other.ConnectAsync();
        await stranger.ExchangeAsync(
            """{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_BACKEND_ADDED", "MEMORY_SLOT_ADDED"]}}""",
            """{"return": {"events": ["MEMORY_BACKEND_ADDED", "MEMORY_SLOT_ADDED"], "generation": 1}}""");
        foreach (var request in (string[])
        [
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true}}""",
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""",
        ])
            await client.ExchangeAsync(request, """{"return": {}}""");

        // Nothing of it reached the other guest: no event, no object, no generation.
        await stranger.ExchangeAsync("""{"execute": "query-memdev"}""", """{"return": []}""");
        await stranger.ExchangeAsync(
            """{"execute": "query-memory-slots"}""",
            """{"return": {"generation": 1, "slots": [], "limits": {"$object-with": {"kvm-used": 0, "device-used": 0}}}}""");
        await stranger.SendAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "m", "size": 2097152}}""");
        await stranger.ExpectAsync(
            """
            {"timestamp": "$timestamp", "event": "MEMORY_BACKEND_ADDED",
              "data": {"memdev": "/objects/m", "qom-type": "memory-backend-ram", "size": 2097152, "generation": 2}}
            """);
        await stranger.ExpectAsync("""{"return": {}}""");
        await stranger.SendAsync("""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""");
        await stranger.ExpectAsync(
            """
            {"timestamp": "$timestamp", "event": "MEMORY_SLOT_ADDED", "data": {"generation": 3, "slot-info":
              {"kvm-slot": 0, "addr": 4294967296, "size": 2097152, "host-addr": "$int", "binding": "address", "use": "device", "readonly": false,
                "dirty-log": false, "offset": 0, "memdev": "/objects/m", "device": "/machine/peripheral/d"}}}
            """);
        await stranger.ExpectAsync("""{"return": {}}""");

        // Removing in one leaves the other as it is.
        var before = await InProcessGuest.ObserveAsync(client);
        await stranger.ExchangeAsync("""{"execute": "device_del", "arguments": {"id": "d"}}""", """{"return": {}}""");
        await stranger.ExpectAsync("""{"timestamp": "$timestamp", "event": "DEVICE_DELETED", "data": {"device": "d", "path": "/machine/peripheral/d"}}""");
        await stranger.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", """{"return": {}}""");
        await stranger.ExchangeAsync("""{"execute": "query-memdev"}""", """{"return": []}""");
        Assert.Equal(before, await InProcessGuest.ObserveAsync(client));
    }

    [Fact]
    public async Task A_guest_that_ends_leaves_the_other_running()
    {
        var kernel = new FakeKernel();
        await using var other = await InProcessGuest.StartAsync(kernel, "-accel none");
        var client = await other.ConnectAsync();
        await using (var one = await InProcessGuest.StartAsync(kernel, "-accel none"))
        {
            var first = await one.ConnectAsync();
            await first.SendAsync("""{"execute": "quit"}""");
            await first.ExpectAsync("""{"timestamp": "$timestamp", "event": "SHUTDOWN", "data": {"guest": false, "reason": "host-qmp-quit"}}""");
            await first.ExpectAsync("""{"return": {}}""");
            await one.Guest.ShutdownRequested;
        }

        Assert.False(other.Guest.ShutdownRequested.IsCompleted);
        await client.ExchangeAsync("""{"execute": "query-status"}""", """{"return": {"running": true, "status": "running"}}""");
    }
}
