using Xunit;

namespace Hostmemd.Daemon.Tests.Guests;

/// <summary>query-memory-slots: base memory at 0 (1 MiB), and DIMMs of 2 MiB at 4 GiB, 4 GiB + 2 MiB and 5 GiB.</summary>
public sealed class SlotQueryTests : IAsyncLifetime
{
    private InProcessGuest _guest = null!;
    private QmpClient _client = null!;

    public async Task InitializeAsync()
    {
        _guest = await InProcessGuest.StartAsync(new FakeKernel { DescriptorsInUse = 77 }, "-machine q35 -m 1M,slots=4,maxmem=1G");
        _client = await _guest.ConnectAsync();
        foreach (var (id, addr) in ((string, ulong)[])[("a", 4294967296), ("b", 4297064448), ("c", 5368709120)])
        {
            await _client.ExchangeAsync(
                $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "{{{id}}}", "size": 2097152} }""",
                """{"return": {}}""");
            await _client.ExchangeAsync(
                $$$"""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d{{{id}}}", "memdev": "{{{id}}}", "addr": {{{addr}}} } }""",
                """{"return": {}}""");
        }
    }

    public async Task DisposeAsync() => await _guest.DisposeAsync();

    [Theory]
    [InlineData("", "0 4294967296 4297064448 5368709120", null)]
    [InlineData("\"addr\": 0", "0 4294967296 4297064448 5368709120", null)]
    [InlineData("\"addr\": 1048575", "0 4294967296 4297064448 5368709120", null)]
    [InlineData("\"addr\": 1048576", "4294967296 4297064448 5368709120", null)]
    [InlineData("\"addr\": 4297064447", "4294967296 4297064448 5368709120", null)]
    [InlineData("\"addr\": 4297064448", "4297064448 5368709120", null)]
    [InlineData("\"addr\": 4297064447, \"size\": 1", "4294967296", null)]
    [InlineData("\"addr\": 4297064447, \"size\": 2", "4294967296 4297064448", null)]
    [InlineData("\"addr\": 1048576, \"size\": 4293918720", "", null)]
    [InlineData("\"addr\": 1048576, \"size\": 18446744073709551615", "4294967296 4297064448 5368709120", null)]
    [InlineData("\"addr\": 18446744073709551615", "", null)]
    [InlineData("\"memdev\": \"b\"", "4297064448", null)]
    [InlineData("\"memdev\": \"/objects/b\"", "4297064448", null)]
    [InlineData("\"memdev\": \"pc.ram\"", "0", null)]
    [InlineData("\"memdev\": \"b\", \"addr\": 5368709120", "", null)]
    [InlineData("\"limit\": 1", "0", 4294967296)]
    [InlineData("\"limit\": 2, \"addr\": 4294967296", "4294967296 4297064448", 5368709120)]
    [InlineData("\"limit\": 3, \"addr\": 4294967296", "4294967296 4297064448 5368709120", null)]
    [InlineData("\"limit\": 32768", "0 4294967296 4297064448 5368709120", null)]
    public async Task Filters(string arguments, string addresses, long? next)
    {
        var reply = await _client.AskAsync($$$"""{"execute": "query-memory-slots", "arguments": {{{{arguments}}} } }""");

        var map = reply.GetProperty("return");
        Assert.Equal(addresses, string.Join(' ', map.GetProperty("slots").EnumerateArray().Select(slot => slot.GetProperty("addr").GetUInt64())));
        Assert.Equal(next, map.TryGetProperty("next-addr", out var cut) ? cut.GetInt64() : null);
    }

    [Theory]
    [InlineData("\"size\": 1", "Parameter 'size' needs 'addr'")]
    [InlineData("\"limit\": 0", "Parameter 'limit' expects a value from 1 to 32768")]
    [InlineData("\"limit\": 32769", "Parameter 'limit' expects a value from 1 to 32768")]
    [InlineData("\"limit\": -1", "Parameter 'limit' expects uint32_t")]
    [InlineData("\"memdev\": \"/machine\"", "Invalid parameter type for 'memdev', expected: memory-backend")]
    public Task What_cannot_be_asked_is_refused(string arguments, string text) => _client.ExchangeAsync(
        $$$"""{"execute": "query-memory-slots", "arguments": {{{{arguments}}} } }""",
        $$$"""{"error": {"class": "GenericError", "desc": "{{{text}}}"} }""");

    [Fact]
    public Task A_backend_that_is_not_there_is_not_found() => _client.ExchangeAsync(
        """{"execute": "query-memory-slots", "arguments": {"memdev": "zzz"}}""",
        """{"error": {"class": "DeviceNotFound", "desc": "Device 'zzz' not found"}}""");

    [Fact]
    public Task Limits_and_every_member_of_a_slot_are_shown() => _client.ExchangeAsync(
        """{"execute": "query-memory-slots", "arguments": {"addr": 0, "size": 1}}""",
        $$$"""
        {"return": {"generation": 9,
          "slots": [{"kvm-slot": 0, "addr": 0, "size": 1048576, "host-addr": {{{_guest.Guest.State.Slots[0]!.Slot.Hva.Value}}}, "binding": "address",
            "use": "base-memory", "readonly": false, "dirty-log": false, "offset": 0, "memdev": "/objects/pc.ram"}],
          "limits": {"kvm-used": 4, "kvm-max": 32764, "device-used": 3, "device-max": 4, "addr-max": 140737488355327,
            "descriptors-used": 77, "descriptors-max": 1024, "mappings-used": "$int", "mappings-max": "$int"} } }
        """);

    [Fact]
    public async Task A_read_only_session_sees_no_host_address_and_changes_nothing()
    {
        var reader = await _guest.ConnectAsync(readOnly: true);

        var reply = await reader.AskAsync("""{"execute": "query-memory-slots"}""");
        Assert.All(
            reply.GetProperty("return").GetProperty("slots").EnumerateArray(), slot => Assert.Equal(0, slot.GetProperty("host-addr").GetInt32()));
        foreach (var command in (string[])["object-add", "object-del", "device_add", "device_del", "qom-set", "probe-guest-memory", "quit", "stop", "getfd"])
        {
            await reader.ExchangeAsync(
                $$$"""{"execute": "{{{command}}}"}""",
                $$$"""
                {"error": {"class": "GenericError", "desc": "The command {{{command}}} is not allowed on this socket (readonly=on), use another one"} }
                """);
        }
    }

    [Fact]
    public async Task The_events_of_a_read_only_session_show_no_host_address_either()
    {
        var reader = await _guest.ConnectAsync(readOnly: true);
        await reader.ExchangeAsync(
            """{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_SLOT_ADDED"]}}""", """{"return": "$any"}""");
        await _client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "e", "size": 4096}}""", """{"return": {}}""");
        await _client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "de", "memdev": "e"}}""", """{"return": {}}""");

        var told = await reader.ReceiveAsync();
        Assert.Equal(0UL, told.GetProperty("data").GetProperty("slot-info").GetProperty("host-addr").GetUInt64());
    }
}
