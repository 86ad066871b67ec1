using System.Globalization;
using System.Text.Json;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.Usage;

/// <summary>Who has the memory: the daemon is one process, this one is the other.</summary>
public sealed class HolderTests
{
    private const int Size = 2 << 20;
    private readonly LinuxKernel _kernel = new();

    [Fact]
    public Task A_process_that_has_a_descriptor_or_a_mapping_is_named() => DaemonFixture.RunAsync("-accel none -keep none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await AddAsync(client, "ram");
        var alone = await QueryAsync(client);
        AssertHolder(Assert.Single(alone.GetProperty("holders").EnumerateArray()), daemon.Pid, 1, 1, self: true);

        using var file = Assert.Single((await client.RequestDescriptorAsync("ram")).Descriptors);
        AssertHolder(Other(await QueryAsync(client)), Environment.ProcessId, 1, 0, self: false);

        using (MappedMemory.Create(_kernel, new MappingOptions { Size = Size, File = file, Shared = true }))
        {
            AssertHolder(Other(await QueryAsync(client)), Environment.ProcessId, 1, 1, self: false);
            file.Dispose();
            AssertHolder(Other(await QueryAsync(client)), Environment.ProcessId, 0, 1, self: false);
        }
        Assert.Single((await QueryAsync(client)).GetProperty("holders").EnumerateArray());
    });

    [Fact]
    public Task Deleted_memory_is_listed_as_long_as_somebody_has_it() => DaemonFixture.RunAsync("-accel none -keep none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await AddAsync(client, "ram", ", \"prealloc\": true");
        await AddAsync(client, "other", ", \"prealloc\": true");
        using var file = Assert.Single((await client.RequestDescriptorAsync("ram")).Descriptors);
        await client.ExchangeAsync("""{"execute": "memory-backend-forget", "arguments": {"memdev": "ram"}}""", """{"return": {}}""");
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "other"}}""", """{"return": {}}""");

        await client.ExchangeAsync(
            """{"execute": "query-memory-usage", "arguments": {"holders": true}}""",
            $$$"""
            {"return": {"generation": 6, "total-size": {{{Size}}}, "total-resident": {{{Size}}}, "backends": [
              {"memdev": "/objects/ram", "size": {{{Size}}}, "fd-type": "memfd", "resident": {{{Size}}}, "deleted": true, "holders-complete": "$any",
               "holders": [{"pid": {{{Environment.ProcessId}}}, "start-time": "$int", "comm": "$str", "descriptors": 1, "mappings": 0, "self": false}]}]} }
            """);
        // It is found by its old name too, and nothing is said without a look.
        Assert.True((await QueryAsync(client)).GetProperty("deleted").GetBoolean());
        const string nothing = """{"return": {"generation": 6, "total-size": 0, "total-resident": 0, "backends": []}}""";
        await client.ExchangeAsync("""{"execute": "query-memory-usage"}""", nothing);

        file.Dispose();
        await client.ExchangeAsync("""{"execute": "query-memory-usage", "arguments": {"holders": true}}""", nothing);
        await client.ExchangeAsync(
            """{"execute": "query-memory-usage", "arguments": {"holders": true, "memdev": "ram"}}""",
            """{"error": {"class": "DeviceNotFound", "desc": "Device 'ram' not found"}}""");
    });

    [KvmFact]
    public Task A_guest_memfd_is_found_too() => DaemonFixture.RunAsync("-keep none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await AddAsync(client, "ram", ", \"guest-memfd\": true");
        using var file = Assert.Single((await client.RequestDescriptorAsync("ram")).Descriptors);
        using var mapped = MappedMemory.Create(_kernel, new MappingOptions { Size = Size, File = file, Shared = true });

        AssertHolder(Other(await QueryAsync(client)), Environment.ProcessId, 1, 1, self: false);

        await client.ExchangeAsync("""{"execute": "memory-backend-forget", "arguments": {"memdev": "ram"}}""", """{"return": {}}""");
        var deleted = await QueryAsync(client);
        Assert.True(deleted.GetProperty("deleted").GetBoolean());
        Assert.Equal("guest-memfd", deleted.GetProperty("fd-type").GetString());
        AssertHolder(Assert.Single(deleted.GetProperty("holders").EnumerateArray()), Environment.ProcessId, 1, 1, self: false);
    });

    [Fact]
    public Task Private_memory_has_the_daemon_alone() => DaemonFixture.RunAsync("-accel none -keep none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "ram", "size": 2097152}}""", """{"return": {}}""");

        AssertHolder(Assert.Single((await QueryAsync(client)).GetProperty("holders").EnumerateArray()), daemon.Pid, 0, 1, self: true);
    });

    private static Task AddAsync(QmpClient client, string id, string more = "") => client.ExchangeAsync(
        $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "{{{id}}}", "size": {{{Size}}}{{{more}}}} }""",
        """{"return": {}}""");

    private static async Task<JsonElement> QueryAsync(QmpClient client)
    {
        var reply = await client.AskAsync("""{"execute": "query-memory-usage", "arguments": {"memdev": "ram", "holders": true}}""");
        return Assert.Single(reply.GetProperty("return").GetProperty("backends").EnumerateArray());
    }

    private static JsonElement Other(JsonElement usage) =>
        Assert.Single(usage.GetProperty("holders").EnumerateArray(), holder => !holder.GetProperty("self").GetBoolean());

    private static void AssertHolder(JsonElement holder, int pid, uint descriptors, uint mappings, bool self)
    {
        var stat = File.ReadAllText($"/proc/{pid}/stat");
        Assert.Equal(pid, holder.GetProperty("pid").GetInt32());
        Assert.Equal(ulong.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[19], CultureInfo.InvariantCulture), holder.GetProperty("start-time").GetUInt64());
        Assert.Equal(stat[(stat.IndexOf('(') + 1)..stat.LastIndexOf(')')], holder.GetProperty("comm").GetString());
        Assert.Equal((descriptors, mappings), (holder.GetProperty("descriptors").GetUInt32(), holder.GetProperty("mappings").GetUInt32()));
        Assert.Equal(self, holder.GetProperty("self").GetBoolean());
    }
}
