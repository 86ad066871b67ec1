using System.Security.Cryptography;
using Xunit;

namespace Hostmemd.Daemon.Tests.Guests;

/// <summary>probe-guest-memory on the real kernel: what a vCPU sees beside what the host sees.</summary>
public sealed class ProbeCommandTests
{
    private const string Options = "-machine q35 -m 2M,slots=3,maxmem=1G";

    [KvmTheory]
    [InlineData("""{"qom-type": "memory-backend-memfd", "id": "m", "size": 4194304, "guest-memfd": true}""")]
    [InlineData("""{"qom-type": "memory-backend-memfd", "id": "m", "size": 4194304}""")]
    [InlineData("""{"qom-type": "memory-backend-ram", "id": "m", "size": 4194304}""")]
    public async Task What_a_vcpu_writes_into_a_dimm_the_host_reads_and_the_other_way_round(string arguments)
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), Options);
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync($$"""{"execute": "object-add", "arguments": {{arguments}}}""", """{"return": {}}""");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""", """{"return": {}}""");

        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "write", "addr": 4294971390, "data": "aG9zdG1lbWQ="}}""",
            """{"return": {"outcome": "done", "generation": "$int", "native": true}}""");
        var seen = new byte[8];
        guest.Guest.State.Backends["m"].Backend.Memory.Read(4094, seen);
        Assert.Equal("hostmemd"u8, seen);

        guest.Guest.State.Backends["m"].Backend.Memory.Write(4096, "STMEMD!!"u8);
        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 4294971390, "size": 10}}""",
            """
            {"return": {"outcome": "done", "generation": "$int", "native": true, "guest-data": "aG9TVE1FTUQhIQ==", "host-data": "aG9TVE1FTUQhIQ==",
              "equal": true, "different-pages": 0}}
            """);
        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "compare", "addr": 4294967296, "size": 4194304}}""",
            """{"return": {"outcome": "done", "generation": "$int", "native": true, "equal": true, "different-pages": 0}}""");
    }

    [KvmFact]
    public async Task Base_memory_can_be_probed_and_the_generation_is_that_of_the_queries()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), Options);
        var client = await guest.ConnectAsync();

        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "write", "addr": 2097144, "data": "AQIDBAUGBwg="}}""",
            """{"return": {"outcome": "done", "generation": "$int", "native": true}}""");
        var read = await client.AskAsync("""{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 2097144}}""");
        Assert.Equal("AQIDBAUGBwg=", read.GetProperty("return").GetProperty("guest-data").GetString());
        var slots = await client.AskAsync("""{"execute": "query-memory-slots"}""");
        Assert.Equal(
            read.GetProperty("return").GetProperty("generation").GetInt32(), slots.GetProperty("return").GetProperty("generation").GetInt32());
    }

    [KvmFact]
    public async Task The_probe_has_a_slot_of_its_own_that_is_listed_makes_no_event_and_cannot_be_probed()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), Options);
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(
            """{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_SLOT_ADDED"]}}""", """{"return": "$any"}""");

        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 0}}""",
            """{"return": {"$object-with": {"outcome": "done"}}}""");
        var reply = await client.AskAsync("""{"execute": "query-memory-slots"}""");
        var probe = Assert.Single(
            reply.GetProperty("return").GetProperty("slots").EnumerateArray(), slot => slot.GetProperty("use").GetString() == "probe");
        Assert.Equal(8UL << 30, probe.GetProperty("addr").GetUInt64());
        Assert.False(probe.TryGetProperty("memdev", out _));
        var addr = probe.GetProperty("addr").GetUInt64() - 4;
        await client.ExchangeAsync(
            $$$"""{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": {{{addr}}}}}""",
            $$$"""{"error": {"class": "GenericError", "desc": "'addr' 0x{{{addr:x}}} with 'size' 8 touches the probe's own slot"}}""");
    }

    [KvmFact]
    public async Task An_address_without_a_slot_is_a_result_and_the_probe_works_afterwards()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), Options);
        var client = await guest.ConnectAsync();

        foreach (var operation in (string[])["\"read\"", "\"compare\"", "\"write\", \"data\": \"AAAA\""])
        {
            await client.ExchangeAsync(
                $$$"""{"execute": "probe-guest-memory", "arguments": {"operation": {{{operation}}}, "addr": 2097152}}""",
                """{"return": {"$object-with": {"outcome": "mmio"}}}""");
        }
        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 0}}""",
            """{"return": {"$object-with": {"outcome": "done", "equal": true}}}""");
    }

    [KvmFact]
    public async Task A_read_that_begins_in_a_slot_and_ends_behind_it_is_mmio()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), Options);
        var client = await guest.ConnectAsync();

        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 2097148, "size": 8}}""",
            """{"return": {"$object-with": {"outcome": "mmio"}}}""");
    }

    [KvmTheory]
    [InlineData("\"read\", \"addr\": 18446744073709551615", "GenericError", "'addr' 0xffffffffffffffff with 'size' 8 is beyond what the probe vCPU reaches")]
    [InlineData("\"read\", \"addr\": 140737488355328", "GenericError", "'addr' 0x800000000000 with 'size' 8 is beyond what the probe vCPU reaches")]
    [InlineData("\"read\", \"addr\": 0, \"size\": 0", "GenericError", "Parameter 'size' expects at least one byte")]
    [InlineData("\"read\", \"addr\": 0, \"size\": 65537", "GenericError", "'size' 65537 is more than 65536, which is the most for 'read' and 'write'")]
    [InlineData("\"compare\", \"addr\": 0, \"size\": 2097153", "GenericError", "'addr' 0x0 with 'size' 2097153 is more than one slot, which ends at 0x1fffff")]
    [InlineData("\"compare\", \"addr\": 3145728, \"size\": 65537", "GenericError", "'size' 65537 is more than 65536, and there is no slot at 'addr' 0x300000")]
    [InlineData("\"read\", \"addr\": 0, \"data\": \"AAAA\"", "GenericError", "Parameter 'data' needs 'operation' 'write'")]
    [InlineData("\"write\", \"addr\": 0", "GenericError", "Parameter 'data' is missing")]
    [InlineData("\"write\", \"addr\": 0, \"data\": \"\"", "GenericError", "Parameter 'data' expects base64 of at least one byte")]
    [InlineData("\"write\", \"addr\": 0, \"data\": \"A\"", "GenericError", "Parameter 'data' expects base64 of at least one byte")]
    [InlineData("\"write\", \"addr\": 0, \"data\": \"AA$A\"", "GenericError", "Parameter 'data' expects base64 of at least one byte")]
    [InlineData("\"write\", \"addr\": 0, \"data\": \"AAAA\", \"size\": 4", "GenericError", "'size' 4 is not the length of 'data' (3 bytes), leave it out")]
    [InlineData("\"flip\", \"addr\": 0", "GenericError", "Parameter 'operation' does not accept value 'flip'")]
    public async Task What_cannot_be_asked_is_refused(string arguments, string errorClass, string text)
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), Options);
        var client = await guest.ConnectAsync();

        var reply = await client.AskAsync($$$"""{"execute": "probe-guest-memory", "arguments": {"operation": {{{arguments}}}}}""");

        Assert.Equal(errorClass, reply.GetProperty("error").GetProperty("class").GetString());
        Assert.StartsWith(text, reply.GetProperty("error").GetProperty("desc").GetString(), StringComparison.Ordinal);
    }

    [KvmFact]
    public async Task The_largest_transfer_goes_there_and_back()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), Options);
        var client = await guest.ConnectAsync();
        var bytes = new byte[65536];
        new Random(1).NextBytes(bytes);
        var text = Convert.ToBase64String(bytes);

        await client.ExchangeAsync(
            $$$"""{"execute": "probe-guest-memory", "arguments": {"operation": "write", "addr": 4097, "data": "{{{text}}}"}}""",
            """{"return": {"$object-with": {"outcome": "done"}}}""");
        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 4097, "size": 65536}}""",
            $$$"""{"return": {"$object-with": {"outcome": "done", "guest-data": "{{{text}}}", "equal": true} } }""");
    }

    [Fact]
    public async Task Without_kvm_there_is_no_probe()
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel(), "-accel none");
        var client = await guest.ConnectAsync();

        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 0}}""",
            """
            {"error": {"class": "KVMMissingCap",
              "desc": "probe-guest-memory requires KVM, but the accelerator is 'none'; start with '-accel kvm'"}}
            """);
    }

    [KvmFact]
    public async Task Reading_and_comparing_change_no_byte()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), Options);
        var client = await guest.ConnectAsync();
        foreach (var request in (string[])
        [
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 4194304, "guest-memfd": true}}""",
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""",
        ])
            await client.ExchangeAsync(request, """{"return": {}}""");
        var memory = guest.Guest.State.Backends["m"].Backend.Memory;
        var bytes = new byte[4194304];
        new Random(2).NextBytes(bytes);
        memory.Write(0, bytes);

        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 4294967296, "size": 65536}}""",
            """{"return": {"$object-with": {"outcome": "done", "equal": true}}}""");
        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "compare", "addr": 4294967296, "size": 4194304}}""",
            """{"return": {"$object-with": {"outcome": "done", "equal": true}}}""");

        var after = new byte[4194304];
        memory.Read(0, after);
        Assert.Equal(Convert.ToHexString(SHA256.HashData(bytes)), Convert.ToHexString(SHA256.HashData(after)));
    }
}
