using Hostmemd.Objects;
using Xunit;

namespace Hostmemd.Daemon.Tests.GuestMemory;

/// <summary>docs/guest-memfd.md, "Memory slots" and "What the guest sees": both ways to bind one, on the real kernel, as far as a client gets.</summary>
public sealed class GuestMemfdSlotTests
{
    private const string ByAddress = """{"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true}""";
    private const string ByFile = """{"qom-type": "memory-backend-guest-memfd", "id": "m", "size": 2097152}""";
    private const string Dimms = "-machine q35 -m 0,slots=3,maxmem=1G";

    private readonly LinuxKernel _kernel = new();

    [KvmTheory]
    [InlineData(ByAddress)]
    [InlineData(ByFile)]
    public Task The_guest_sees_each_change_at_once(string backend) => RunAsync(backend, async (client, memory) =>
    {
        memory.Memory.Write(0, "hostmemd"u8);
        await ExpectAsync(client, "aG9zdG1lbWQ=");
        _kernel.Madvise(memory.Memory.Address, memory.Memory.Size, MemoryAdvice.DontNeed);
        await ExpectAsync(client, "aG9zdG1lbWQ=");
        _kernel.Fallocate(memory.File!.Handle, FallocateMode.PunchHole | FallocateMode.KeepSize, 0, 4096);
        await ExpectAsync(client, "AAAAAAAAAAA=");
        memory.Memory.Write(0, "hostmemd"u8);
        await ExpectAsync(client, "aG9zdG1lbWQ=");
        memory.Memory.Discard();
        await ExpectAsync(client, "AAAAAAAAAAA=");
    });

    [KvmFact]
    public Task Private_memory_that_the_host_gives_back_is_zeroes() =>
        RunAsync("""{"qom-type": "memory-backend-ram", "id": "m", "size": 2097152}""", async (client, memory) =>
        {
            memory.Memory.Write(0, "hostmemd"u8);
            await ExpectAsync(client, "aG9zdG1lbWQ=");
            _kernel.Madvise(memory.Memory.Address, memory.Memory.Size, MemoryAdvice.DontNeed);
            await ExpectAsync(client, "AAAAAAAAAAA=");
        });

    [KvmTheory]
    [InlineData(ByAddress)]
    [InlineData(ByFile)]
    public Task After_the_unplug_nothing_is_there_and_it_can_be_bound_again(string backend) => RunAsync(backend, async (client, memory) =>
    {
        memory.Memory.Write(0, "hostmemd"u8);
        for (var round = 0; round < 2; round++)
        {
            await client.ExchangeAsync("""{"execute": "device_del", "arguments": {"id": "d"}}""", """{"return": {}}""");
            await client.ExpectAsync("""{"timestamp": "$timestamp", "event": "DEVICE_DELETED", "data": "$any"}""");
            await client.ExchangeAsync(
                """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 4294967296}}""",
                """{"return": {"$object-with": {"outcome": "mmio"}}}""");
            await client.ExchangeAsync(
                """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""", """{"return": {}}""");
            await ExpectAsync(client, "aG9zdG1lbWQ=");
        }
    });

    [KvmTheory]
    [InlineData(ByAddress)]
    [InlineData(ByFile)]
    public Task What_KVM_would_refuse_of_a_slot_is_refused_before_it_is_asked(string backend) => RunAsync(backend, async (client, memory) =>
    {
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "n", "size": 2097152, "guest-memfd": true}}""",
            """{"return": {}}""");
        var before = await InProcessGuest.ObserveAsync(client);
        (string Arguments, string Error)[] rows =
        [
            ("\"memdev\": \"m\"", "can't use already busy memdev: m"),
            ("\"memdev\": \"n\", \"addr\": 4294967296", "address range conflicts with memory device id='d'"),
            ("\"memdev\": \"n\", \"addr\": 4296015872", "address range conflicts with memory device id='d'"),
            ("\"memdev\": \"n\", \"addr\": 4299161601", "address must be aligned to 0x1000 bytes"),
            ("\"memdev\": \"n\", \"addr\": 4096", "can't add memory device [0x1000:0x200000], usable range for memory devices [0x100000000:0x100000000]"),
            ("\"memdev\": \"n\", \"addr\": 4503599627370496",
                "can't add memory device [0x10000000000000:0x200000], usable range for memory devices [0x100000000:0x100000000]"),
            ("\"memdev\": \"n\", \"addr\": 18446744073709547520",
                "can't add memory device [0xfffffffffffff000:0x200000], usable range for memory devices [0x100000000:0x100000000]"),
        ];
        foreach (var (arguments, error) in rows)
        {
            var reply = await client.AskAsync($$$"""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "e", {{{arguments}}}} }""");
            Assert.Equal(error, reply.GetProperty("error").GetProperty("desc").GetString());
        }
        await client.ExchangeAsync(
            """{"execute": "object-del", "arguments": {"id": "m"}}""",
            """{"error": {"class": "GenericError", "desc": "Cannot delete host memory backend 'm' which is mapped"}}""");
        Assert.Equal(before, await InProcessGuest.ObserveAsync(client));
    });

    [KvmFact]
    public Task Only_a_slot_by_address_has_a_dirty_log() => RunAsync(ByAddress, (client, _) => client.ExchangeAsync(
        """{"execute": "calc-dirty-rate", "arguments": {"calc-time": 50, "calc-time-unit": "millisecond", "mode": "dirty-bitmap"}}""",
        """{"return": {}}"""));

    [KvmFact]
    public Task A_slot_by_descriptor_has_none_and_the_slot_is_named() => RunAsync(ByFile, (client, _) => client.ExchangeAsync(
        """{"execute": "calc-dirty-rate", "arguments": {"calc-time": 50, "calc-time-unit": "millisecond", "mode": "dirty-bitmap"}}""",
        """
        {"error": {"class": "GenericError",
          "desc": "KVM slot 0 of '/objects/m' is bound by descriptor, for which KVM keeps no dirty log; use mode page-sampling"}}
        """));

    [KvmFact]
    public async Task A_read_only_slot_is_by_address_and_a_write_reaches_nothing()
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-");
        try
        {
            var path = Path.Combine(directory.FullName, "rom");
            await File.WriteAllBytesAsync(path, Enumerable.Repeat((byte)7, 2 << 20).ToArray());
            await RunAsync(
                $$"""{"qom-type": "memory-backend-file", "id": "m", "size": 2097152, "mem-path": "{{path}}", "share": true, "readonly": true}""",
                async (client, _) =>
                {
                    await client.ExchangeAsync(
                        """{"execute": "probe-guest-memory", "arguments": {"operation": "write", "addr": 4294967296, "data": "AAAA"}}""",
                        """{"return": {"$object-with": {"outcome": "mmio", "fault-addr": 4294967296}}}""");
                    await ExpectAsync(client, "BwcHBwcHBwc=");
                });
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [KvmFact]
    public async Task A_file_that_is_cut_off_is_efault_and_what_comes_back_is_seen()
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-");
        try
        {
            var path = Path.Combine(directory.FullName, "ram");
            await RunAsync(
                $$"""{"qom-type": "memory-backend-file", "id": "m", "size": 2097152, "mem-path": "{{path}}", "share": true}""",
                async (client, _) =>
                {
                    using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
                        RandomAccess.SetLength(file, 4096);
                    await ExpectAsync(client, "AAAAAAAAAAA=");
                    await client.ExchangeAsync(
                        """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 4294971392}}""",
                        """{"return": {"$object-with": {"outcome": "efault", "fault-addr": 4294971392}}}""");
                    using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
                        RandomAccess.SetLength(file, 2 << 20);
                    await client.ExchangeAsync(
                        """{"execute": "probe-guest-memory", "arguments": {"operation": "compare", "addr": 4294967296, "size": 2097152}}""",
                        """{"return": {"$object-with": {"outcome": "done", "equal": true}}}""");
                });
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private async Task RunAsync(string backend, Func<QmpClient, MemoryBackend, Task> work)
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, Dimms);
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync($$$"""{"execute": "object-add", "arguments": {{{backend}}} }""", """{"return": {}}""");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""", """{"return": {}}""");
        await work(client, guest.Guest.State.Backends["m"].Backend);
    }

    private static Task ExpectAsync(QmpClient client, string data) => client.ExchangeAsync(
        """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 4294967296, "size": 8}}""",
        $$$"""{"return": {"$object-with": {"outcome": "done", "guest-data": "{{{data}}}", "host-data": "{{{data}}}", "equal": true} } }""");
}
