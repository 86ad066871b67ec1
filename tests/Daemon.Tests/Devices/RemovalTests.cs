using Hostmemd.Devices;
using Hostmemd.Protocol.Errors;
using Xunit;

namespace Hostmemd.Daemon.Tests.Devices;

public sealed class RemovalTests
{
    [Fact]
    public async Task Who_found_a_device_that_another_client_has_replaced_since_removes_nothing()
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel());
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}}""", """{"return": {}}""");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""", """{"return": {}}""");
        var found = guest.Guest.Dimms.Find("d", guest.Guest.State)!;
        await client.ExchangeAsync("""{"execute": "device_del", "arguments": {"id": "d"}}""", """{"return": {}}""");
        await client.ExpectAsync("""{"timestamp": "$timestamp", "event": "DEVICE_DELETED", "data": "$any"}""");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m", "addr": 4563402752}}""", """{"return": {}}""");
        var before = await InProcessGuest.ObserveAsync(client);

        var e = await Assert.ThrowsAsync<QmpException>(() => DimmPlug.RemoveAsync(guest.Guest, found));

        Assert.Equal("Device 'd' not found", e.Message);
        Assert.Equal(before, await InProcessGuest.ObserveAsync(client));
        await client.ExchangeAsync("""{"execute": "device_del", "arguments": {"id": "d"}}""", """{"return": {}}""");
    }

    [Fact]
    public async Task Of_two_clients_that_remove_a_device_at_once_one_is_told_that_it_is_going()
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel());
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}}""", """{"return": {}}""");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""", """{"return": {}}""");
        var dimm = guest.Guest.Dimms.Find("d", guest.Guest.State)!;

        // The slot cannot go as long as the VM thread is at something else.
        using var release = new ManualResetEventSlim();
        var busy = guest.Guest.Vm!.RunAsync(_ => release.Wait());
        var first = DimmPlug.RemoveAsync(guest.Guest, dimm);
        var e = await Assert.ThrowsAsync<QmpException>(() => DimmPlug.RemoveAsync(guest.Guest, dimm));
        release.Set();
        await Task.WhenAll(busy, first);

        Assert.Equal((QmpErrorClass.GenericError, "Device d is already in the process of unplug"), (e.ErrorClass, e.Message));
        await client.ExpectAsync("""{"timestamp": "$timestamp", "event": "DEVICE_DELETED", "data": "$any"}""");
        await client.ExchangeAsync("""{"execute": "query-memory-devices"}""", """{"return": []}""");
    }
}
