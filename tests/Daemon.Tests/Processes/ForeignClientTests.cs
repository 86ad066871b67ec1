using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Hostmemd.Kvm.Native;
using Xunit;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>The bytes that other people's clients send, and what each relies on. Their sources were read; nothing of them is needed here.</summary>
public sealed class ForeignClientTests
{
    private const string Negotiate = """{"execute":"qmp_capabilities"}""";

    [Fact]
    public Task Every_message_is_one_line_with_CRLF_and_the_greeting_comes_whole_and_alone() => WithDaemonAsync(async raw =>
    {
        // npm's qemu-qmp takes its first read for the greeting.
        var greeting = await raw.ReadOnceAsync();
        Assert.EndsWith("}\r\n", greeting, StringComparison.Ordinal);
        Assert.Equal(1, greeting.Count(c => c == '\n'));
        var version = JsonDocument.Parse(greeting).RootElement.GetProperty("QMP").GetProperty("version");
        // qemu.qmp wants an object, kata a major of 5 and more, ganeti a package that is a string.
        Assert.True(version.GetProperty("qemu").GetProperty("major").GetInt32() >= 6);
        Assert.Equal(JsonValueKind.String, version.GetProperty("package").ValueKind);
        await raw.SendAsync(Negotiate);
        Assert.Equal("{\"return\": {}}\r\n", await raw.ReadOnceAsync());
        // An error of several lines would be several messages.
        await raw.SendAsync("""{"execute":"object-add","arguments":{"qom-type":"memory-backend-ram","id":"m","size":"a\nb"}}""");
        Assert.Equal(1, (await raw.ReadOnceAsync()).Count(c => c == '\n'));
    });

    [Theory]
    [InlineData("""{"execute":"qmp_capabilities"}{"execute":"query-name"}""")] // npm, go-qemu: back to back, no newline
    [InlineData("{\"execute\":\"qmp_capabilities\"}\r\n{\"execute\":\"query-name\"}\r\n")] // libvirt
    [InlineData("{\n  \"execute\": \"qmp_capabilities\"\n}\n\n{\n\t\"execute\" :\n\"query-name\"}\n")] // a person
    [InlineData("""{'execute':'qmp_capabilities'}{'execute':'query-name'}""")] // as QEMU's own tests write
    [InlineData("""{"execute":"qmp_capabilities","arguments":{}}{"execute":"query-name","arguments":{}}""")] // Proxmox, qemu.qmp
    public Task A_request_counts_from_its_closing_brace_however_it_is_cut(string bytes) => WithDaemonAsync(async raw =>
    {
        await raw.ReadLineAsync();
        foreach (var c in bytes)
            await raw.SendAsync(c.ToString());

        Assert.Equal("""{"return": {}}""", await raw.ReadLineAsync());
        Assert.Equal("""{"return": {}}""", await raw.ReadLineAsync());
    });

    /// <summary>Proxmox and systemd-vmspawn send before they read.</summary>
    [Fact]
    public Task Commands_may_come_before_the_greeting_is_read_and_only_one_before_negotiation() => WithDaemonAsync(async raw =>
    {
        await raw.SendAsync("""{"execute":"query-status","id":"1:1"}{"execute":"qmp_capabilities","id":"1:2"}{"execute":"query-status","id":"1:3"}""");

        Assert.StartsWith("{\"QMP\": ", await raw.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Equal(
            """{"id": "1:1", "error": {"class": "CommandNotFound", "desc": "Expecting capabilities negotiation with 'qmp_capabilities'"}}""",
            await raw.ReadLineAsync());
        Assert.Equal("""{"return": {}, "id": "1:2"}""", await raw.ReadLineAsync());
        Assert.Contains("\"id\": \"1:3\"", await raw.ReadLineAsync(), StringComparison.Ordinal);
    });

    [Theory]
    [InlineData("4294967295")] // incus, lxd
    [InlineData("-9223372036854775808")]
    [InlineData("18446744073709551615")]
    [InlineData("\"__qmp#00001\"")] // qemu.qmp
    [InlineData("{\"a\": [1, null, true]}")]
    [InlineData("null")]
    [InlineData("\"\"")]
    public Task An_id_comes_back_as_it_was_with_errors_too(string id) => NegotiatedAsync(async raw =>
    {
        await raw.SendAsync($$"""{"execute":"query-name","id":{{id}}}""");
        Assert.Equal($"{{\"return\": {{}}, \"id\": {id}}}", await raw.ReadLineAsync());
        await raw.SendAsync($$"""{"execute":"zzz","id":{{id}}}""");
        Assert.StartsWith($"{{\"id\": {id}, \"error\": {{\"class\": \"CommandNotFound\", ", await raw.ReadLineAsync(), StringComparison.Ordinal);
        // kata's runtime-rs cannot parse an id that it did not send.
        await raw.SendAsync("""{"execute":"query-name"}""");
        Assert.Equal("""{"return": {}}""", await raw.ReadLineAsync());
    });

    /// <summary>go-qemu, incus and lxd pass descriptors only where oob is offered; qemu.qmp enables it.</summary>
    [Fact]
    public Task Oob_is_offered_and_answers_with_its_id() => WithDaemonAsync(async raw =>
    {
        var offered = JsonDocument.Parse(await raw.ReadLineAsync()).RootElement.GetProperty("QMP").GetProperty("capabilities");
        Assert.Equal(["oob"], offered.EnumerateArray().Select(capability => capability.GetString()));
        await raw.SendAsync("""{"execute":"qmp_capabilities","arguments":{"enable":["oob"]},"id":"__qmp#00000"}""");
        Assert.Equal("""{"return": {}, "id": "__qmp#00000"}""", await raw.ReadLineAsync());
        await raw.SendAsync("""{"exec-oob":"query-yank","id":7}""");
        Assert.Equal("""{"return": [], "id": 7}""", await raw.ReadLineAsync());
    });

    [Theory]
    [InlineData(true)] // qemu.qmp, ganeti: on a space before the command
    [InlineData(false)] // libvirt, kata, incus: on the command's own bytes
    public Task A_descriptor_is_kept_until_its_command_comes(bool before) => NegotiatedAsync(async raw =>
    {
        const string command = """{"execute":"getfd","arguments":{"fdname":"f"}}""";
        using (var file = File.OpenHandle("/dev/null"))
            Assert.NotEqual(0, SocketMessages.Send(raw.Socket.SafeHandle, Encoding.UTF8.GetBytes(before ? " " : command), file));
        if (before)
            await raw.SendAsync(command);
        Assert.Equal("""{"return": {}}""", await raw.ReadLineAsync());
        await raw.SendAsync("""{"execute":"closefd","arguments":{"fdname":"f"}}""");
        Assert.Equal("""{"return": {}}""", await raw.ReadLineAsync());
    });

    /// <summary>Typed clients (kata, qapi-rs) break on a sixth class, on members they do not know, and on events that QEMU does not have.</summary>
    [Fact]
    public Task Errors_have_class_and_desc_alone_and_own_events_come_to_those_that_asked() => NegotiatedAsync(async raw =>
    {
        string[] requests =
        [
            """{"execute":"zzz"}""", """{"execute":"device_del","arguments":{"id":"zzz"}}""", """{"execute":"object-del","arguments":{"id":"zzz"}}""",
            """{"execute":"probe-guest-memory","arguments":{"operation":"read","addr":0}}""", "[]", "{",
        ];
        foreach (var request in requests)
        {
            await raw.SendAsync(request + (request == "{" ? "\n}}" : ""));
            var reply = JsonDocument.Parse(await raw.ReadLineAsync()).RootElement;
            var error = reply.GetProperty("error");
            Assert.Equal(["class", "desc"], error.EnumerateObject().Select(member => member.Name));
            Assert.Contains(
                error.GetProperty("class").GetString(), (string[])["GenericError", "CommandNotFound", "DeviceNotActive", "DeviceNotFound", "KVMMissingCap"]);
        }
        await raw.SendAsync("""{"execute":"object-add","arguments":{"qom-type":"memory-backend-ram","id":"m","size":4096},"id":1}""");
        string line;
        // What "}}" is answered with comes before.
        while ((line = await raw.ReadLineAsync()) != """{"return": {}, "id": 1}""")
            Assert.StartsWith("""{"error": """, line, StringComparison.Ordinal);
    });

    /// <summary>RESUME and STOP come before the reply; nothing comes before negotiation, whoever causes it.</summary>
    [Fact]
    public Task Events_stand_where_clients_expect_them() => DaemonFixture.RunAsync("-accel none -S", async daemon =>
    {
        using var silent = await RawClient.ConnectAsync(daemon.Socket);
        await silent.ReadLineAsync();
        using var raw = await RawClient.ConnectAsync(daemon.Socket);
        await raw.ReadLineAsync();
        await raw.SendAsync(Negotiate);
        await raw.ReadLineAsync();
        foreach (var (command, name) in ((string, string)[])[("cont", "RESUME"), ("stop", "STOP")])
        {
            await raw.SendAsync($$"""{"execute":"{{command}}"}""");
            var message = JsonDocument.Parse(await raw.ReadLineAsync()).RootElement;
            Assert.Equal(name, message.GetProperty("event").GetString());
            // qapi-rs needs the time, ganeti the data of events that have some.
            Assert.True(message.GetProperty("timestamp").GetProperty("seconds").GetInt64() > 0);
            Assert.Equal("""{"return": {}}""", await raw.ReadLineAsync());
        }
        Assert.Null(await silent.TryReadLineAsync(TimeSpan.FromMilliseconds(200)));
    });

    /// <summary>echo … | socat - UNIX-CONNECT:…, nc -N: they close their side and read to the end.</summary>
    [Fact]
    public Task After_a_half_close_everything_is_answered_and_the_connection_ends() => WithDaemonAsync(async raw =>
    {
        var requests = string.Concat(Enumerable.Range(0, 100).Select(id => $$"""{"execute":"query-status","id":{{id}}}"""));
        await raw.SendAsync(Negotiate + requests);
        raw.Socket.Shutdown(SocketShutdown.Send);

        await raw.ReadLineAsync();
        Assert.Equal("""{"return": {}}""", await raw.ReadLineAsync());
        for (var id = 0; id < 100; id++)
            Assert.EndsWith($"\"id\": {id.ToString(CultureInfo.InvariantCulture)}}}", await raw.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Equal("", await raw.ReadOnceAsync());
    });

    /// <summary>incus gives up after 0.5 s, kata after 0.25 s: others may flood or not read at all.</summary>
    [Fact]
    public Task A_query_is_answered_though_others_flood_and_do_not_read() => DaemonFixture.RunAsync(
        "-accel none", daemon => MeasuredRounds.WithinAsync(TimeSpan.FromMilliseconds(250), () => SlowestBesideAFloodAsync(daemon)));

    /// <returns>What the slowest of twenty queries took.</returns>
    private static async Task<TimeSpan> SlowestBesideAFloodAsync(DaemonFixture daemon)
    {
        using var flood = await RawClient.ConnectAsync(daemon.Socket);
        await flood.SendAsync(Negotiate);
        var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("""{"execute":"query-qmp-schema"}""", 200)));
        flood.Socket.Blocking = false;
        while (flood.Socket.Send(text, SocketFlags.None, out var error) > 0 && error == SocketError.Success)
        {
        }
        using var raw = await RawClient.ConnectAsync(daemon.Socket);
        await raw.ReadLineAsync();
        await raw.SendAsync(Negotiate);
        await raw.ReadLineAsync();
        var slowest = TimeSpan.Zero;
        for (var i = 0; i < 20; i++)
        {
            var asked = Stopwatch.StartNew();
            await raw.SendAsync("""{"execute":"query-status"}""");
            await raw.ReadLineAsync();
            slowest = asked.Elapsed > slowest ? asked.Elapsed : slowest;
        }
        return slowest;
    }

    [Fact]
    public Task A_hundred_clients_come_and_go_and_each_gets_its_own_answers() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        for (var i = 0; i < 100; i++)
        {
            using var raw = await RawClient.ConnectAsync(daemon.Socket);
            await raw.SendAsync(Negotiate + $$"""{"execute":"query-status","id":{{i}}}""");
            if (i % 3 == 0)
                continue; // it leaves without reading
            await raw.ReadLineAsync();
            await raw.ReadLineAsync();
            Assert.EndsWith($"\"id\": {i}}}", await raw.ReadLineAsync(), StringComparison.Ordinal);
        }
    });

    [Fact]
    public Task Ten_megabytes_go_in_and_come_back() => NegotiatedAsync(async raw =>
    {
        var id = new string('x', 10 << 20);
        await raw.SendAsync($$"""{"execute":"query-name","id":"{{id}}"}""");
        Assert.Equal($"{{\"return\": {{}}, \"id\": \"{id}\"}}", await raw.ReadLineAsync());
    });

    /// <summary>go-qemu and npm send no id and no newline, and the next request right behind.</summary>
    [Fact]
    public Task Ten_megabytes_of_argument_come_back_in_an_error_and_the_next_request_is_answered() => NegotiatedAsync(async raw =>
    {
        var id = new string('x', 10 << 20);
        await raw.SendAsync($$$"""{"execute":"object-del","arguments":{"id":"{{{id}}}"}}{"execute":"query-name"}""");
        Assert.Equal($$$"""{"error": {"class": "GenericError", "desc": "object '{{{id}}}' not found"}}""", await raw.ReadLineAsync());
        Assert.Equal("""{"return": {}}""", await raw.ReadLineAsync());
    });

    /// <summary>Go's bufio.Scanner, as go-qemu and govmm use it, is deaf after a line of 64 KiB.</summary>
    [Fact]
    public Task The_schema_fits_into_the_lines_of_clients_in_Go() => NegotiatedAsync(async raw =>
    {
        await raw.SendAsync("""{"execute":"query-qmp-schema"}""");
        Assert.InRange((await raw.ReadLineAsync()).Length, 10_000, (64 << 10) - 2);
    });

    private static Task WithDaemonAsync(Func<RawClient, Task> conversation) => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        using var raw = await RawClient.ConnectAsync(daemon.Socket);
        await conversation(raw);
    });

    private static Task NegotiatedAsync(Func<RawClient, Task> conversation) => WithDaemonAsync(async raw =>
    {
        await raw.ReadLineAsync();
        await raw.SendAsync(Negotiate);
        Assert.Equal("""{"return": {}}""", await raw.ReadLineAsync());
        await conversation(raw);
    });
}
