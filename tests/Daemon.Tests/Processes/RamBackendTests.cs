using Xunit;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>Backends of the command line as the machine's memory, placed as q35's map has it (2 GiB low, the rest from 4 GiB).</summary>
public sealed class RamBackendTests
{
    private const string M0 = "-object memory-backend-memfd,id=m0,size=256M ";

    [KvmFact]
    public Task The_machine_s_memory_is_the_backend_that_it_is_told() => DaemonFixture.RunAsync(
        "-accel kvm -M q35,memory-backend=m0 -object memory-backend-guest-memfd,id=m0,size=3G",
        async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            await client.ExchangeAsync("""{"execute": "query-memory-size-summary"}""", """{"return": {"base-memory": 3221225472, "plugged-memory": 0}}""");
            await client.ExchangeAsync(
                """{"execute": "query-memory-slots"}""",
                """
                {"return": {"$object-with": {"slots": [
                  {"$object-with": {"addr": 0, "size": 2147483648, "offset": 0, "binding": "guest-memfd", "use": "base-memory", "memdev": "/objects/m0"}},
                  {"$object-with": {"addr": 4294967296, "size": 1073741824, "offset": 2147483648, "memdev": "/objects/m0"}}]}}}
                """);
            await client.ExchangeAsync(
                """{"execute": "object-del", "arguments": {"id": "m0"}}""",
                """{"error": {"class": "GenericError", "desc": "Cannot delete host memory backend 'm0' which is mapped"}}""");
        });

    [KvmFact]
    public Task Memory_of_NUMA_nodes_follows_one_another_and_a_DIMM_may_name_any_of_them() => DaemonFixture.RunAsync(
        "-accel kvm -M q35 -m 3G,slots=2,maxmem=4G -object memory-backend-memfd,id=a,size=1536M -object memory-backend-memfd,id=b,size=1536M "
        + "-object memory-backend-memfd,id=d,size=2M -numa node,nodeid=1,memdev=b -numa node,nodeid=0,memdev=a -device pc-dimm,memdev=d,node=1",
        async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            await client.ExchangeAsync(
                """{"execute": "query-memory-slots"}""",
                """
                {"return": {"$object-with": {"slots": [
                  {"$object-with": {"addr": 0, "size": 1610612736, "offset": 0, "memdev": "/objects/a"}},
                  {"$object-with": {"addr": 1610612736, "size": 536870912, "offset": 0, "memdev": "/objects/b"}},
                  {"$object-with": {"addr": 4294967296, "size": 1073741824, "offset": 536870912, "memdev": "/objects/b"}},
                  {"$object-with": {"addr": 5368709120, "memdev": "/objects/d", "use": "device"}}]}}}
                """);
            await client.ExchangeAsync(
                """{"execute": "query-memory-devices"}""",
                """{"return": [{"type": "dimm", "data": {"$object-with": {"node": 1, "hotplugged": false}}}]}""");
            await client.ExchangeAsync(
                """{"execute": "probe-guest-memory", "arguments": {"operation": "compare", "addr": 1610612736, "size": 65536}}""",
                """{"return": {"$object-with": {"outcome": "done", "equal": true}}}""");
        });

    [Theory]
    [InlineData("-M q35,memory-backend=zzz -m 256M", "Memory backend 'zzz' not found")]
    [InlineData("-M q35,memory-backend=i -m 256M -object iothread,id=i", "Memory backend 'i' not found")]
    [InlineData("-M q35,memory-backend=m0 -m 512M " + M0, "Machine memory size does not match the size of the memory backend")]
    [InlineData("-M q35,memory-backend=m0 -m 256M " + M0 + "-numa node,memdev=m0", "'-machine memory-backend' and '-numa memdev' properties are mutually exclusive")]
    [InlineData("-M q35 -m 512M " + M0 + "-numa node,memdev=m0", "total memory for NUMA nodes (0x10000000) should equal RAM size (0x20000000)")]
    [InlineData("-M q35 -m 512M " + M0 + "-numa node,memdev=m0 -numa node,memdev=m0", "memory backend m0 can't be used multiple times.")]
    [InlineData("-M q35 -m 256M " + M0 + "-numa node,nodeid=3,memdev=m0", "numa: Node ID missing: 2")]
    [InlineData("-numa node,memdev=m0 -numa node,nodeid=0,memdev=m1", "-numa node,nodeid=0,memdev=m1: Duplicate NUMA nodeid: 0")]
    [InlineData("-numa node,zzz=1", "-numa node,zzz=1: Invalid parameter 'zzz'")]
    public async Task What_does_not_fit_ends_the_start(string options, string text)
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-");
        try
        {
            var (exitCode, _, error) = await DaemonFixture.RunToEndAsync(
                ["-accel", "none", "-qmp", $"unix:{directory.FullName}/qmp", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);

            Assert.Equal(1, exitCode);
            Assert.EndsWith($"hostmemd: {text}\n", error, StringComparison.Ordinal);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
