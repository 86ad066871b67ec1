using Xunit;

namespace Hostmemd.Daemon.Tests.Guests;

/// <summary>human-monitor-command where the text is our own, or of several objects; the rest is in the transcripts.</summary>
public sealed class HumanMonitorTests : IAsyncLifetime
{
    private const string InfoLines =
        @"info kvm  -- whether KVM is in use\r\n"
        + @"info memdev  -- the memory backends and their properties\r\n"
        + @"info memory-devices  -- the plugged memory, by address\r\n"
        + @"info memory_size_summary  -- how many bytes of memory the guest has, from the start and plugged\r\n"
        + @"info qom-tree [path] -- the objects below a path, /machine unless given\r\n"
        + @"info status  -- whether the guest counts as running\r\n"
        + @"info version  -- which interface and which program this is\r\n";

    private InProcessGuest _guest = null!;
    private QmpClient _client = null!;

    public async Task InitializeAsync()
    {
        _guest = await InProcessGuest.StartAsync(new FakeKernel(), "-machine q35 -m 1M,slots=4,maxmem=1G");
        _client = await _guest.ConnectAsync();
    }

    public async Task DisposeAsync() => await _guest.DisposeAsync();

    [Theory]
    [InlineData("help", @"help|? [cmd] -- lists the commands, or says what one is for\r\n"
        + @"xp /fmt addr -- shows physical memory; fmt is a count, one of x d u o c, and one of b h w g\r\n"
        + @"info [subcommand] -- shows a part of the guest's state; alone it lists the parts\r\n")]
    [InlineData("?", @"help|? [cmd] -- lists the commands, or says what one is for\r\n"
        + @"xp /fmt addr -- shows physical memory; fmt is a count, one of x d u o c, and one of b h w g\r\n"
        + @"info [subcommand] -- shows a part of the guest's state; alone it lists the parts\r\n")]
    [InlineData("help ?", @"help|? [cmd] -- lists the commands, or says what one is for\r\n")]
    [InlineData("info", InfoLines)]
    [InlineData("info ", InfoLines)]
    [InlineData("help info", InfoLines)]
    [InlineData("help info qom-tree", @"info qom-tree [path] -- the objects below a path, /machine unless given\r\n")]
    [InlineData("info version", @"11.1.0hostmemd 0.1.0\r\n")]
    [InlineData("info kvm", @"kvm support: enabled\r\n")]
    [InlineData("info memory_size_summary", @"base memory: 1048576\r\nplugged memory: 0\r\n")]
    public Task Shows(string line, string text) => ExpectAsync(line, text);

    [Fact]
    public async Task The_tree_is_shown_to_its_leaves_by_name()
    {
        await AddAsync("zz", "");
        await AddAsync("aa", "");
        await _client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "zz"}}""", """{"return": {}}""");

        await ExpectAsync(
            "info qom-tree",
            @"/machine (pc-q35-11.1-machine)\r\n  /peripheral (container)\r\n    /d (pc-dimm)\r\n  /peripheral-anon (container)\r\n");
        await ExpectAsync(
            "info qom-tree /objects",
            @"/objects (container)\r\n  /aa (memory-backend-memfd)\r\n    /aa[0] (memory-region)\r\n"
            + @"  /pc.ram (memory-backend-ram)\r\n    /pc.ram[0] (memory-region)\r\n"
            + @"  /zz (memory-backend-memfd)\r\n    /zz[0] (memory-region)\r\n");
        await ExpectAsync("info qom-tree d", @"/d (pc-dimm)\r\n");
        Assert.StartsWith("{\"return\": \"/ (container)", (await AskAsync("info qom-tree /")).GetRawText(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("0", "0")]
    [InlineData("3, 1, 0, 1, 5", "0-1,3,5")]
    [InlineData("2, 1, 3", "1-3")]
    public async Task Host_nodes_are_shown_as_ranges(string nodes, string shown)
    {
        await AddAsync("m", "");
        // This host may have one node: what is published is what counts here.
        _guest.Guest.Change(state => state with
        {
            Backends = state.Backends.SetItem("m", state.Backends["m"] with { Properties = WithNodes(state.Backends["m"].Properties, nodes) }),
        });

        Assert.Contains($@"  host nodes: {shown}\r\nmemory backend: pc.ram\r\n", (await AskAsync("info memdev")).GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_read_only_socket_has_no_human_monitor()
    {
        var reader = await _guest.ConnectAsync(readOnly: true);

        await reader.ExchangeAsync(
            """{"execute": "human-monitor-command", "arguments": {"command-line": "info status"}}""",
            """
            {"error": {"class": "GenericError",
              "desc": "The command human-monitor-command is not allowed on this socket (readonly=on), use another one"} }
            """);
    }

    private static Hostmemd.Api.MemoryBackendProperties WithNodes(Hostmemd.Api.MemoryBackendProperties properties, string nodes)
    {
        var changed = properties.Clone();
        changed.HostNodes = [.. nodes.Split(", ", StringSplitOptions.RemoveEmptyEntries).Select(node => ushort.Parse(node, System.Globalization.CultureInfo.InvariantCulture))];
        return changed;
    }

    private Task<System.Text.Json.JsonElement> AskAsync(string line) =>
        _client.AskAsync($$$"""{"execute": "human-monitor-command", "arguments": {"command-line": "{{{line}}}"} }""");

    private Task ExpectAsync(string line, string text) => _client.ExchangeAsync(
        $$$"""{"execute": "human-monitor-command", "arguments": {"command-line": "{{{line}}}"} }""", $$$"""{"return": "{{{text}}}"}""");

    private Task AddAsync(string id, string more) => _client.ExchangeAsync(
        $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "{{{id}}}", "size": 2097152{{{more}}}} }""",
        """{"return": {}}""");
}
