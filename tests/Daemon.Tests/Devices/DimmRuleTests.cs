using Xunit;

namespace Hostmemd.Daemon.Tests.Devices;

/// <summary>Where a pc-dimm may go, and QEMU 11.1.3's words where it may not. There are two backends of 64 MiB: f is a memfd, r anonymous.</summary>
public sealed class DimmRuleTests
{
    private const string Options = "-machine q35 -m 256M,slots=3,maxmem=1G";

    [Theory]
    [InlineData("\"id\": \"x\"", "GenericError", "'memdev' property must be set")]
    [InlineData("\"id\": \"x\", \"memdev\": \"\"", "GenericError", "'memdev' property must be set")]
    [InlineData("\"id\": \"x\", \"memdev\": \"zzz\"", "DeviceNotFound", "Device 'zzz' not found")]
    [InlineData("\"id\": \"x\", \"memdev\": \"/machine\"", "GenericError", "Invalid parameter type for 'memdev', expected: memory-backend")]
    [InlineData("\"id\": \"x\", \"memdev\": \"b\"", "GenericError", "can't use already busy memdev: b")]
    [InlineData("\"id\": \"d\", \"memdev\": \"zzz\"", "GenericError", "Duplicate device ID 'd'")]
    [InlineData("\"id\": \"1x\", \"memdev\": \"f\"", "GenericError", "Invalid qdev ID '1x'")]
    [InlineData("\"memdev\": \"f\", \"slot\": 99", "GenericError", "invalid slot number 99, valid range is [0-2]")]
    [InlineData("\"memdev\": \"f\", \"slot\": 3", "GenericError", "invalid slot number 3, valid range is [0-2]")]
    [InlineData("\"memdev\": \"f\", \"slot\": -2", "GenericError", "invalid slot number -2, valid range is [0-2]")]
    [InlineData("\"memdev\": \"f\", \"slot\": 0", "GenericError", "slot 0 is busy")]
    [InlineData("\"memdev\": \"f\", \"slot\": 2147483648", "GenericError", "Parameter 'slot' expects int32_t")]
    [InlineData("\"memdev\": \"f\", \"addr\": 1048576", "GenericError",
        "can't add memory device [0x100000:0x4000000], usable range for memory devices [0x100000000:0xf0000000]")]
    [InlineData("\"memdev\": \"f\", \"addr\": 8304721920", "GenericError",
        "can't add memory device [0x1ef000000:0x4000000], usable range for memory devices [0x100000000:0xf0000000]")]
    [InlineData("\"memdev\": \"r\", \"addr\": 4563406848", "GenericError", "address must be aligned to 0x200000 bytes")]
    [InlineData("\"memdev\": \"f\", \"addr\": 4563402753", "GenericError", "address must be aligned to 0x1000 bytes")]
    [InlineData("\"memdev\": \"f\", \"addr\": 4294971392", "GenericError", "address range conflicts with memory device id='d'")]
    [InlineData("\"memdev\": \"f\", \"node\": 5", "GenericError", "'DIMM property node has value 5' which exceeds the number of numa nodes: 1")]
    [InlineData("\"memdev\": \"f\", \"node\": 5, \"slot\": 0", "GenericError", "slot 0 is busy")]
    [InlineData("\"memdev\": \"f\", \"realized\": true", "GenericError", "Property 'pc-dimm.realized' is not writable")]
    [InlineData("\"memdev\": \"f\", \"size\": 1", "GenericError", "Property 'pc-dimm.size' is not writable")]
    [InlineData("\"memdev\": \"f\", \"zzz\": 1", "GenericError", "Property 'pc-dimm.zzz' not found")]
    [InlineData("\"memdev\": \"f\", \"bus\": \"pci.0\"", "GenericError", "Bus 'pci.0' not found")]
    public async Task Beside_a_dimm_d_at_slot_0_it_is_refused(string properties, string errorClass, string text)
    {
        var kernel = new FakeKernel();
        await using var guest = await InProcessGuest.StartAsync(kernel, Options);
        var client = await WithOneDimmAsync(guest);
        var before = await InProcessGuest.ObserveAsync(client);
        var slotCalls = kernel.Calls.Count(call => call == "SetUserMemoryRegion2");

        await client.ExchangeAsync(
            $$$"""{"execute": "device_add", "arguments": {"driver": "pc-dimm", {{{properties}}} } }""",
            $$$"""{"error": {"class": "{{{errorClass}}}", "desc": "{{{text}}}"} }""");

        Assert.Equal(before, await InProcessGuest.ObserveAsync(client));
        Assert.Equal(slotCalls, kernel.Calls.Count(call => call == "SetUserMemoryRegion2"));
        // Neither backend nor name was kept.
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "x", "memdev": "f"}}""", """{"return": {}}""");
    }

    [Theory]
    [InlineData("\"memdev\": \"f\", \"addr\": 8254390272", "0x1ec000000")] // its end is the window's
    [InlineData("\"memdev\": \"f\", \"addr\": 4563406848", "0x110001000")] // 4 KiB are enough for a memfd
    [InlineData("\"memdev\": \"f\", \"addr\": 4362076160", "0x104000000")] // just behind d
    [InlineData("\"memdev\": \"f\", \"slot\": 2, \"addr\": 0", "0x104000000")]
    [InlineData("\"memdev\": \"/objects/r\"", "0x104000000")]
    public async Task Beside_a_dimm_d_at_slot_0_it_is_plugged(string properties, string addr)
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel(), Options);
        var client = await WithOneDimmAsync(guest);

        await client.ExchangeAsync(
            $$$"""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "x", {{{properties}}} } }""", """{"return": {}}""");

        Assert.Equal(addr, $"0x{guest.Guest.Dimms.Find("x", guest.Guest.State)!.Place.Addr:x}");
    }

    [Theory]
    [InlineData("-machine q35 -m 256M", "no slots where allocated, please specify the 'slots' option")]
    [InlineData("-machine q35 -m 256M,slots=3,maxmem=300M", "not enough space, currently 0x0 in use of total space for memory devices 0x2c00000")]
    [InlineData("-machine none", "Device 'pc-dimm' can not be hotplugged on this machine")]
    public async Task A_machine_without_room_says_so(string options, string text)
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel(), options);
        var client = await guest.ConnectAsync();
        await AddAsync(client, "f", "memory-backend-memfd", 64 << 20);

        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "memdev": "f"}}""",
            $$$"""{"error": {"class": "GenericError", "desc": "{{{text}}}"} }""");
    }

    [Fact]
    public async Task A_size_that_is_no_multiple_of_the_alignment_is_refused_for_anonymous_memory_and_not_for_a_memfd()
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel(), Options);
        var client = await guest.ConnectAsync();
        await AddAsync(client, "r", "memory-backend-ram", 4096);
        await AddAsync(client, "f", "memory-backend-memfd", 4096);

        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "memdev": "r"}}""",
            """{"error": {"class": "GenericError", "desc": "backend memory size must be multiple of 0x200000"}}""");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "memdev": "f"}}""", """{"return": {}}""");
    }

    [Fact]
    public async Task Slots_run_out_and_the_place_of_a_removed_dimm_is_used_again()
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel(), Options);
        var client = await guest.ConnectAsync();
        foreach (var id in (string[])["a", "b", "c", "e"])
            await AddAsync(client, id, "memory-backend-memfd", 64 << 20);
        foreach (var id in (string[])["a", "b", "c"])
        {
            await client.ExchangeAsync(
                $$$"""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d{{{id}}}", "memdev": "{{{id}}}"} }""",
                """{"return": {}}""");
        }
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "de", "memdev": "e"}}""",
            """{"error": {"class": "GenericError", "desc": "no free slots available"}}""");

        await client.ExchangeAsync("""{"execute": "device_del", "arguments": {"id": "db"}}""", """{"return": {}}""");
        await client.ExpectAsync("""{"timestamp": "$timestamp", "event": "DEVICE_DELETED", "data": "$any"}""");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "de", "memdev": "e"}}""", """{"return": {}}""");

        await client.ExchangeAsync(
            """{"execute": "query-memory-devices"}""",
            """
            {"return": [
              {"type": "dimm", "data": {"id": "da", "addr": 4294967296, "size": 67108864, "slot": 0, "node": 0, "memdev": "/objects/a",
                "hotplugged": true, "hotpluggable": true}},
              {"type": "dimm", "data": {"id": "de", "addr": 4362076160, "size": 67108864, "slot": 1, "node": 0, "memdev": "/objects/e",
                "hotplugged": true, "hotpluggable": true}},
              {"type": "dimm", "data": {"id": "dc", "addr": 4429185024, "size": 67108864, "slot": 2, "node": 0, "memdev": "/objects/c",
                "hotplugged": true, "hotpluggable": true}}]}
            """);
        // KVM's lowest free slot too: 0 is the base memory, 2 was the removed one.
        await client.ExchangeAsync(
            """{"execute": "query-memory-slots", "arguments": {"memdev": "e"}}""",
            """{"return": {"$object-with": {"slots": [{"$object-with": {"kvm-slot": 2, "addr": 4362076160}}]}}}""");
    }

    [Fact]
    public async Task Maxmem_is_the_limit_over_all_dimms()
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel(), Options);
        var client = await guest.ConnectAsync();
        await AddAsync(client, "a", "memory-backend-memfd", 768 << 20);
        await AddAsync(client, "b", "memory-backend-memfd", 4096);

        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "a"}}""", """{"return": {}}""");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "memdev": "b"}}""",
            """
            {"error": {"class": "GenericError",
              "desc": "not enough space, currently 0x30000000 in use of total space for memory devices 0x30000000"}}
            """);
        await client.ExchangeAsync(
            """{"execute": "query-memory-size-summary"}""", """{"return": {"base-memory": 268435456, "plugged-memory": 805306368}}""");
    }

    [Theory]
    [InlineData("addr", "1", "Attempt to set property 'addr' on device 'd' (type 'pc-dimm') after it was realized")]
    [InlineData("memdev", "\"x\"", "Attempt to set link property 'memdev' on device 'd' (type 'pc-dimm') after it was realized")]
    [InlineData("size", "1", "Property 'pc-dimm.size' is not writable")]
    public async Task A_plugged_dimm_does_not_change(string property, string value, string text)
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel(), Options);
        var client = await guest.ConnectAsync();
        await AddAsync(client, "b", "memory-backend-memfd", 64 << 20);
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "b"}}""", """{"return": {}}""");

        await client.ExchangeAsync(
            $$$"""
            {"execute": "qom-set", "arguments": {"path": "/machine/peripheral/d", "property": "{{{property}}}", "value": {{{value}}} } }
            """,
            $$$"""{"error": {"class": "GenericError", "desc": "{{{text}}}"} }""");
    }

    private static async Task<QmpClient> WithOneDimmAsync(InProcessGuest guest)
    {
        var client = await guest.ConnectAsync();
        await AddAsync(client, "b", "memory-backend-memfd", 64 << 20);
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "b"}}""", """{"return": {}}""");
        await AddAsync(client, "f", "memory-backend-memfd", 64 << 20);
        await AddAsync(client, "r", "memory-backend-ram", 64 << 20);
        return client;
    }

    private static Task AddAsync(QmpClient client, string id, string type, int size) => client.ExchangeAsync(
        $$$"""{"execute": "object-add", "arguments": {"qom-type": "{{{type}}}", "id": "{{{id}}}", "size": {{{size}}} } }""", """{"return": {}}""");
}
