using System.Text.Json;
using Xunit;

namespace Hostmemd.Daemon.Tests.Usage;

/// <summary>query-memory-usage: what is counted of each kind of memory, on the real kernel. This host may have one node; then it is node 0.</summary>
public sealed class MemoryUsageTests : IAsyncLifetime
{
    private const int Size = 8 << 20;
    private readonly LinuxKernel _kernel = new();
    private InProcessGuest _guest = null!;
    private QmpClient _client = null!;

    public Task InitializeAsync() => StartAsync("-accel none");

    public async Task DisposeAsync() => await _guest.DisposeAsync();

    [Theory]
    [InlineData("memory-backend-ram", "", "none")]
    [InlineData("memory-backend-ram", ", \"share\": true", "memfd")]
    [InlineData("memory-backend-memfd", "", "memfd")]
    public async Task Touched_pages_are_resident(string type, string more, string fdType)
    {
        await AddAsync(type, more);
        Assert.Equal((0UL, 0UL), Resident(await QueryAsync("\"placement\": true")));

        // Two pages far apart: at most a huge page each.
        var memory = _guest.Guest.State.Backends["m"].Backend.Memory;
        memory.Write(0, "a"u8);
        memory.Write(6 << 20, "b"u8);

        var usage = await QueryAsync();
        Assert.Equal(usage.GetProperty("resident").GetUInt64(), (await QueryAsync("\"placement\": true")).GetProperty("resident").GetUInt64());
        Assert.Equal(fdType, usage.GetProperty("fd-type").GetString());
        Assert.InRange(usage.GetProperty("resident").GetUInt64(), 8192UL, 4UL << 20);
        // Of shared memory it takes a look at the page tables, which is not made unasked.
        Assert.Equal(fdType == "none", usage.TryGetProperty("mapped-here", out _));
        Assert.Equal("/objects/m", usage.GetProperty("memdev").GetString());
        Assert.Equal((ulong)Size, usage.GetProperty("size").GetUInt64());
        Assert.Equal(0UL, usage.GetProperty("swapped").GetUInt64());
        Assert.False(usage.GetProperty("deleted").GetBoolean());
        Assert.Equal(Cgroup(), usage.GetProperty("cgroup").GetString());
        foreach (var absent in (string[])["pages", "nodes", "holders", "holders-complete"])
            Assert.False(usage.TryGetProperty(absent, out _), absent);
    }

    [Fact]
    public async Task Pages_that_were_only_read_cost_nothing()
    {
        await AddAsync("memory-backend-ram");
        var seen = new byte[1];
        for (ulong at = 0; at < Size; at += 4096)
            _guest.Guest.State.Backends["m"].Backend.Memory.Read(at, seen);

        Assert.Equal((0UL, 0UL), Resident(await QueryAsync("\"placement\": true")));
    }

    [Fact]
    public async Task A_private_mapping_of_a_file_costs_its_own_copies_and_the_files_pages()
    {
        await AddAsync("memory-backend-memfd", ", \"share\": false");
        var backend = _guest.Guest.State.Backends["m"].Backend;
        // Nobody else writes the file, and reading it makes pages of it.
        _kernel.Fallocate(backend.File!.Handle, FallocateMode.None, 0, 1 << 20);
        backend.Memory.Write(0, "a"u8);

        var usage = await QueryAsync();

        var (resident, mapped) = Resident(usage);
        Assert.Equal((1UL << 20) + 4096, resident);
        Assert.InRange(mapped, 4096UL, 1UL << 20);
    }

    [Fact]
    public async Task What_others_populated_is_resident_and_not_mapped_here()
    {
        await AddAsync("memory-backend-memfd");
        _kernel.Fallocate(_guest.Guest.State.Backends["m"].Backend.File!.Handle, FallocateMode.None, 0, Size);

        Assert.Equal(((ulong)Size, 0UL), Resident(await QueryAsync("\"placement\": true")));
        Assert.Equal((ulong)Size, (await QueryAsync()).GetProperty("resident").GetUInt64());
    }

    [Theory]
    [InlineData("memory-backend-ram", "")]
    [InlineData("memory-backend-memfd", "")]
    public async Task Placement_says_page_sizes_and_nodes_of_all_that_is_mapped(string type, string more)
    {
        await AddAsync(type, more + ", \"prealloc\": true");

        var usage = await QueryAsync("\"placement\": true");

        Assert.Equal(((ulong)Size, (ulong)Size), Resident(usage));
        Assert.Equal((ulong)Size, Sum(usage.GetProperty("pages")));
        Assert.Equal((ulong)Size, Sum(usage.GetProperty("nodes")));
        Assert.All(usage.GetProperty("pages").EnumerateArray(), page => Assert.Contains(page.GetProperty("page-size").GetUInt64(), (ulong[])[4096, 2 << 20]));
        Assert.Contains(usage.GetProperty("nodes").EnumerateArray(), node => Directory.Exists($"/sys/devices/system/node/node{node.GetProperty("node").GetUInt32()}"));
    }

    [Theory]
    [InlineData("5\n", "5")]
    [InlineData("0,5\n", "0")] // this host's first
    [InlineData("", "0")]
    public async Task Pages_are_asked_for_their_node_where_there_are_several(string nodesWithMemory, string node)
    {
        await _guest.DisposeAsync();
        using var host = new FakeHost().With("/sys/devices/system/node/has_memory", nodesWithMemory);
        await StartAsync("-accel none", host.Files);
        await AddAsync("memory-backend-ram", ", \"prealloc\": true, \"host-nodes\": [0], \"policy\": \"bind\"");

        var usage = await QueryAsync("\"placement\": true");

        Assert.Equal((ulong)Size, Sum(usage.GetProperty("nodes")));
        Assert.Equal(node, Assert.Single(usage.GetProperty("nodes").EnumerateArray()).GetProperty("node").GetRawText());
    }

    [KvmFact]
    public async Task A_guest_memfd_is_counted_although_it_has_no_blocks()
    {
        await _guest.DisposeAsync();
        await StartAsync("-machine none");
        await AddAsync("memory-backend-memfd", ", \"guest-memfd\": true");
        Assert.Equal((0UL, 0UL), Resident(await QueryAsync("\"placement\": true")));
        _guest.Guest.State.Backends["m"].Backend.Memory.Populate(1);

        var usage = await QueryAsync("\"placement\": true");

        Assert.Equal("guest-memfd", usage.GetProperty("fd-type").GetString());
        Assert.Equal(((ulong)Size, (ulong)Size), Resident(usage));
        Assert.Equal((ulong)Size, Sum(usage.GetProperty("nodes")));
        Assert.Equal(0UL, _kernel.Fstat(_guest.Guest.State.Backends["m"].Backend.File!.Handle).Blocks);
    }

    [Fact]
    public async Task All_backends_are_listed_with_their_sums_or_one()
    {
        await AddAsync("memory-backend-memfd", ", \"prealloc\": true", "b");
        await AddAsync("memory-backend-ram", ", \"prealloc\": true", "a");
        await AddAsync("memory-backend-ram", "", "c");

        var all = (await _client.AskAsync("""{"execute": "query-memory-usage"}""")).GetProperty("return");
        Assert.Equal(
            ["/objects/a", "/objects/b", "/objects/c"], all.GetProperty("backends").EnumerateArray().Select(one => one.GetProperty("memdev").GetString()));
        Assert.Equal(3UL * Size, all.GetProperty("total-size").GetUInt64());
        Assert.Equal(2UL * Size, all.GetProperty("total-resident").GetUInt64());
        Assert.Equal(_guest.Guest.State.Generation, all.GetProperty("generation").GetUInt64());

        foreach (var name in (string[])["b", "/objects/b", "objects/b"])
        {
            var one = (await _client.AskAsync($$$"""{"execute": "query-memory-usage", "arguments": {"memdev": "{{{name}}}"} }""")).GetProperty("return");
            Assert.Equal("/objects/b", Assert.Single(one.GetProperty("backends").EnumerateArray()).GetProperty("memdev").GetString());
            Assert.Equal((ulong)Size, one.GetProperty("total-size").GetUInt64());
        }
    }

    [Theory]
    [InlineData("zzz", "DeviceNotFound", "Device 'zzz' not found")]
    [InlineData("/machine", "GenericError", "Invalid parameter type for 'memdev', expected: memory-backend")]
    public Task What_is_no_backend_is_refused(string memdev, string errorClass, string text) => _client.ExchangeAsync(
        $$$"""{"execute": "query-memory-usage", "arguments": {"memdev": "{{{memdev}}}", "holders": true} }""",
        $$$"""{"error": {"class": "{{{errorClass}}}", "desc": "{{{text}}}"} }""");

    [Fact]
    public async Task A_kernel_that_tells_little_is_answered_with_what_it_tells()
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel(), "-accel none");
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 8192, "prealloc": true}}""", """{"return": {}}""");
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "r", "size": 8192}}""", """{"return": {}}""");

        // No pagemap: what is mapped is not known, nor where it is.
        await client.ExchangeAsync(
            """{"execute": "query-memory-usage", "arguments": {"placement": true}}""",
            """
            {"return": {"generation": 3, "total-size": 16384, "total-resident": 8192, "backends": [
              {"memdev": "/objects/m", "size": 8192, "fd-type": "memfd", "resident": 8192, "swapped": 0, "deleted": false},
              {"memdev": "/objects/r", "size": 8192, "fd-type": "none", "resident": 0, "deleted": false}]} }
            """);
    }

    private static (ulong Resident, ulong Mapped) Resident(JsonElement usage) =>
        (usage.GetProperty("resident").GetUInt64(), usage.GetProperty("mapped-here").GetUInt64());

    private static string Cgroup() => File.ReadLines("/proc/self/cgroup").First(line => line.StartsWith("0::", StringComparison.Ordinal))[3..];

    private static ulong Sum(JsonElement parts) => parts.EnumerateArray().Aggregate(0UL, (sum, part) => sum + part.GetProperty("bytes").GetUInt64());

    private async Task AddAsync(string type, string more = "", string id = "m") => await _client.ExchangeAsync(
        $$$"""{"execute": "object-add", "arguments": {"qom-type": "{{{type}}}", "id": "{{{id}}}", "size": {{{Size}}}{{{more}}}} }""",
        """{"return": {}}""");

    private async Task<JsonElement> QueryAsync(string arguments = "")
    {
        var reply = await _client.AskAsync($$$"""{"execute": "query-memory-usage", "arguments": {{{{arguments}}}} }""");
        return Assert.Single(reply.GetProperty("return").GetProperty("backends").EnumerateArray());
    }

    private async Task StartAsync(string arguments, HostFiles? host = null)
    {
        _guest = await InProcessGuest.StartAsync(_kernel, arguments, host);
        _client = await _guest.ConnectAsync();
    }
}
