using Xunit;

namespace Hostmemd.Daemon.Tests.Guests;

/// <summary>What KVM or the kernel would not give back is kept, listed, and never given to anybody else.</summary>
public sealed class QuarantineTests
{
    private readonly FakeKernel _kernel = new();

    [Theory]
    [InlineData("""{"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}""")]
    [InlineData("""{"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true}""")]
    [InlineData("""{"qom-type": "memory-backend-ram", "id": "m", "size": 2097152}""")]
    [InlineData("""{"qom-type": "memory-backend-ram", "id": "m", "size": 134217728}""")]
    public async Task A_backend_that_cannot_be_unmapped_stays_listed_and_its_id_taken(string arguments)
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel);
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync($$"""{"execute": "object-add", "arguments": {{arguments}}}""", """{"return": {}}""");
        var before = await InProcessGuest.ObserveAsync(client);
        var held = (_kernel.OpenDescriptors, _kernel.MappingCount);

        _kernel.FailAt("Munmap", 1, Errno.ENOMEM);
        await client.ExchangeAsync(
            """{"execute": "object-del", "arguments": {"id": "m"}}""",
            """
            {"error": {"class": "GenericError",
              "desc": "memory backend 'm' could not be released (Cannot allocate memory); it is kept and its id is not reused"}}
            """);

        Assert.Equal(before, await InProcessGuest.ObserveAsync(client));
        Assert.Equal(held, (_kernel.OpenDescriptors, _kernel.MappingCount));
        await client.ExchangeAsync(
            """{"execute": "object-del", "arguments": {"id": "m"}}""",
            """
            {"error": {"class": "GenericError",
              "desc": "memory backend 'm' could not be released (Cannot allocate memory); it is kept and its id is not reused"}}
            """);
        // Nobody touches memory of which nobody knows whether it is there.
        var advice = _kernel.Calls.Count(call => call == "Madvise");
        foreach (var property in (string[])["prealloc", "merge"])
        {
            await client.ExchangeAsync(
                $$$"""{"execute": "qom-set", "arguments": {"path": "/objects/m", "property": "{{{property}}}", "value": true} }""",
                """{"error": {"class": "GenericError", "desc": "$str"}}""");
        }
        Assert.Equal(advice, _kernel.Calls.Count(call => call == "Madvise"));
        await client.ExchangeAsync(
            $$"""{"execute": "object-add", "arguments": {{arguments}}}""",
            """{"error": {"class": "GenericError", "desc": "attempt to add duplicate property 'm' to object (type 'container')"}}""");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""",
            """{"error": {"class": "GenericError", "desc": "can't use already busy memdev: m"}}""");
        Assert.Contains(guest.Sink.Errors, line => line.Contains("quarantined", StringComparison.Ordinal));
        // Others are not concerned.
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "other", "size": 4096}}""", """{"return": {}}""");
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "other"}}""", """{"return": {}}""");
    }

    [Fact]
    public async Task A_device_whose_slot_kvm_keeps_stays_with_its_memory()
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel);
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}}""", """{"return": {}}""");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""", """{"return": {}}""");
        var before = await InProcessGuest.ObserveAsync(client);

        _kernel.FailAt("SetUserMemoryRegion2", 1, Errno.ENOMEM);
        await client.ExchangeAsync(
            """{"execute": "device_del", "arguments": {"id": "d"}}""",
            """
            {"error": {"class": "GenericError", "desc":
              "device 'd' could not be unplugged: KVM did not delete its memory slot (Cannot allocate memory); device and memory are kept"}}
            """);

        await client.ExchangeAsync(
            """{"execute": "device_del", "arguments": {"id": "d"}}""",
            """
            {"error": {"class": "GenericError", "desc":
              "device 'd' could not be unplugged: KVM did not delete its memory slot (Cannot allocate memory); device and memory are kept"}}
            """);
        // The next message is the answer of the query: no DEVICE_DELETED came.
        Assert.Equal(before, await InProcessGuest.ObserveAsync(client));
        await client.ExchangeAsync(
            """{"execute": "object-del", "arguments": {"id": "m"}}""",
            """{"error": {"class": "GenericError", "desc": "Cannot delete host memory backend 'm' which is mapped"}}""");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""",
            """{"error": {"class": "GenericError", "desc": "Duplicate device ID 'd'"}}""");
        Assert.Single(_kernel.SlotsOf());
        Assert.Contains(guest.Sink.Errors, line => line.Contains("quarantined", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_quarantined_slot_gives_neither_its_place_nor_its_number_away()
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel);
        var client = await guest.ConnectAsync();
        foreach (var id in (string[])["a", "b"])
        {
            await client.ExchangeAsync(
                $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "{{{id}}}", "size": 2097152}}""",
                """{"return": {}}""");
        }
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "a"}}""", """{"return": {}}""");
        _kernel.FailAt("SetUserMemoryRegion2", 1, Errno.ENOMEM);
        await client.ExchangeAsync("""{"execute": "device_del", "arguments": {"id": "d"}}""", """{"error": "$any"}""");

        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "e", "memdev": "b"}}""", """{"return": {}}""");

        await client.ExchangeAsync(
            """{"execute": "query-memory-slots"}""",
            """
            {"return": {"$object-with": {"slots": [
              {"$object-with": {"kvm-slot": 0, "addr": 4294967296, "device": "/machine/peripheral/d"}},
              {"$object-with": {"kvm-slot": 1, "addr": 4297064448, "device": "/machine/peripheral/e"}}]}}}
            """);
    }

    [Fact]
    public async Task An_id_under_which_a_mapping_was_lost_is_never_given_again()
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, "-accel none");
        var client = await guest.ConnectAsync();
        const string add =
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "policy": "bind", "host-nodes": [0]}}""";
        _kernel.FailAt("Mbind", 1, Errno.ENOSPC);
        // The first unmaps what is too much in front.
        _kernel.FailAt("Munmap", 2, Errno.ENOMEM);

        await client.ExchangeAsync(
            add,
            """
            {"error": {"class": "GenericError",
              "desc": "unable to map backing store for guest RAM: No space left on device; what was mapped could not be unmapped again, id 'm' is not reused"}}
            """);
        await client.ExchangeAsync(
            add, """{"error": {"class": "GenericError", "desc": "attempt to add duplicate property 'm' to object (type 'container')"}}""");
        Assert.InRange(_kernel.MappingCount, 1, 2);
        Assert.Equal(0, _kernel.OpenDescriptors);
    }

    [Fact]
    public async Task A_guest_whose_memory_cannot_be_released_still_ends()
    {
        var guest = await InProcessGuest.StartAsync(_kernel, "-machine q35 -m 64M,slots=3,maxmem=1G");
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}}""", """{"return": {}}""");
        _kernel.FailAt("Munmap", 1, Errno.ENOMEM);

        await guest.DisposeAsync();

        Assert.Single(guest.Sink.Errors);
        // One backend's mapping is left with its guard page; the other's is gone, and so are VM and slots.
        Assert.InRange(_kernel.MappingCount, 1, 2);
        Assert.InRange(_kernel.OpenDescriptors, 0, 1);
    }
}
