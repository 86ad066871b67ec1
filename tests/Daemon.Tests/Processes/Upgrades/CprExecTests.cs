using Hostmemd.Daemon.Tests.Keeping;
using Hostmemd.Kvm.Native;
using Xunit;

namespace Hostmemd.Daemon.Tests.Processes.Upgrades;

/// <summary>The process goes on as another program: memory, DIMMs, sockets and clients stay.</summary>
public sealed class CprExecTests
{
    private const string Machine = "-machine q35 -m 0,slots=8,maxmem=8G";

    [Fact]
    public Task There_may_be_as_many_backends_as_descriptors_are_allowed() => DaemonFixture.RunAsync(
        "-machine none",
        async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            var backends = 0;
            while ((await client.AskAsync(Request(backends))).TryGetProperty("return", out _))
                backends++;
            // A second descriptor of each would not fit.
            Assert.InRange(backends, 200, 400);
            await Upgrade.RunAsync(daemon, client, "-machine none");
            Assert.Equal(backends, (await client.AskAsync("""{"execute": "query-memdev"}""")).GetProperty("return").GetArrayLength());
            // The keeper has all of them still, by their names.
            for (var i = 0; i < backends; i++)
                await client.ExchangeAsync($$$"""{"execute": "object-del", "arguments": {"id": "m{{{i}}}"}}""", Upgrade.Done);

            static string Request(int number) =>
                $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m{{{number}}}", "size": 4096}}""";
        },
        launcher: ["/bin/sh", "-c", "ulimit -n 400; exec \"$@\"", "sh"]);

    [Fact]
    public Task Thousands_of_objects_go_on_in_parts_of_the_description() => DaemonFixture.RunAsync("-machine none", async daemon =>
    {
        const int Objects = 2100;
        await using var client = await daemon.ConnectAsync();
        for (var i = 0; i < Objects; i++)
            await client.AskAsync($$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m{{{i}}}", "size": 4096}}""");
        var before = await client.QueryAsync("query-memdev");
        Assert.Equal(Objects, before.Split("\"id\"").Length - 1);
        await Upgrade.RunAsync(daemon, client, "-machine none");
        Assert.Equal(before, await client.QueryAsync("query-memdev"));
    });

    [KvmTheory]
    [InlineData("process")]
    [InlineData("none")]
    public async Task Memory_and_clients_go_on(string keep)
    {
        var options = $"{Machine} -keep {keep}";
        await using var folder = new KeptFolder();
        await using var daemon = await folder.StartAsync(options);
        await using var asking = await daemon.ConnectAsync();
        await using var other = await daemon.ConnectAsync();
        await SuccessorTests.AddAsync(asking, """{"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}""");
        await SuccessorTests.AddAsync(asking, """{"qom-type": "memory-backend-memfd", "id": "g", "size": 2097152, "guest-memfd": true}""");
        await SuccessorTests.AddAsync(asking, """{"qom-type": "iothread", "id": "io"}""");
        await asking.ExchangeAsync("""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "g"}}""", Upgrade.Done);
        await asking.ExchangeAsync("""{"execute": "stop"}""", """{"event": "STOP", "timestamp": "$timestamp"}""");
        await asking.ExpectAsync(Upgrade.Done);
        await other.ExpectAsync("""{"event": "STOP", "timestamp": "$timestamp"}""");
        await other.AskAsync("""{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_BACKEND_ADDED"]}}""");
        var nonce = Convert.ToBase64String(Guid.NewGuid().ToByteArray());
        await SuccessorTests.WriteAsync(asking, 4294967296 + 4094, nonce);
        var before = await ObserveAsync(asking);
        var keeper = KeptFolder.KeeperOf(daemon);
        Assert.Equal(keep == "process", keeper is not null);

        // The memory of the last round is found by the next.
        var descriptors = 0;
        for (var round = 0; round < 3; round++)
        {
            await other.SendPartAsync("""{"execute": "query-name", "id": 1}""" + "\n" + """{"execute": "query-""");
            await Upgrade.RunAsync(daemon, asking, options);
            await other.SendAsync("""name", "id": 2}""");
            await other.ExpectAsync("""{"return": {}, "id": 1}""");
            await other.ExpectAsync("""{"return": {}, "id": 2}""");
            Assert.Equal(before, await ObserveAsync(asking));
            if (round == 0)
                descriptors = Upgrade.DescriptorsOf(daemon);
        }

        await Eventually.TrueAsync(
            () => Upgrade.DescriptorsOf(daemon) <= descriptors, () => $"{Upgrade.DescriptorsOf(daemon)}, before {descriptors}");
        Assert.Equal(nonce, await SuccessorTests.ReadAsync(asking, 4294967296 + 4094));
        Assert.Equal(keeper, KeptFolder.KeeperOf(daemon));
        // It goes on with what it agreed on, and new clients come to the same socket.
        await using var late = await daemon.ConnectAsync();
        await SuccessorTests.AddAsync(late, """{"qom-type": "memory-backend-memfd", "id": "n", "size": 4096}""");
        Assert.Equal("MEMORY_BACKEND_ADDED", (await other.ReceiveAsync()).GetProperty("event").GetString());
        await late.ExchangeAsync("""{"execute": "device_del", "arguments": {"id": "d"}}""", Upgrade.Done);
    }

    [Fact]
    public async Task Descriptors_that_clients_left_or_sent_ahead_go_on()
    {
        const string options = "-accel none";
        await using var folder = new KeptFolder();
        await using var daemon = await folder.StartAsync(options);
        await using var asking = await daemon.ConnectAsync();
        await using var other = await daemon.ConnectAsync();
        using (var file = File.OpenHandle("/etc/hostname"))
        {
            SocketMessages.Send(other.Socket!.SafeHandle, """{"execute": "getfd", "arguments": {"fdname": "named"}}"""u8, file);
            await other.ExpectAsync(Upgrade.Done);
            SocketMessages.Send(other.Socket!.SafeHandle, """{"execute": "add-fd", "arguments": {"fdset-id": 7, "opaque": "o"}}"""u8, file);
            Assert.True((await other.ReceiveAsync()).TryGetProperty("return", out _));
            // Its request comes behind the upgrade.
            SocketMessages.Send(other.Socket!.SafeHandle, """{"execute": "getfd", "arguments": {"fdname": """u8, file);
        }
        var sets = await asking.QueryAsync("query-fdsets");

        await Upgrade.RunAsync(daemon, asking, options);

        Assert.Equal(sets, await asking.QueryAsync("query-fdsets"));
        await asking.ExchangeAsync("""{"execute": "closefd", "arguments": {"fdname": "named"}}""", Upgrade.Done);
        await other.ExchangeAsync("""  "late"}}""", Upgrade.Done);
        await asking.ExchangeAsync("""{"execute": "closefd", "arguments": {"fdname": "late"}}""", Upgrade.Done);
    }

    [Fact]
    public async Task Who_is_not_negotiated_yet_and_what_is_sent_behind_it_is_answered_by_the_new_program()
    {
        const string options = "-accel none";
        await using var folder = new KeptFolder();
        await using var daemon = await folder.StartAsync(options);
        await using var asking = await daemon.ConnectAsync();
        await using var greeted = await QmpClient.ConnectAsync(daemon.Socket);
        await Upgrade.ChooseAsync(daemon, asking, options);

        await asking.SendAsync("""{"execute": "migrate", "id": 1} {"execute": "query-uuid", "id": 2} {"execute": "nothing", "id": 3} [4]""");

        await asking.ExpectAsync("""{"return": {}, "id": 1}""");
        await asking.ExpectAsync("""{"return": "$any", "id": 2}""");
        await asking.ExpectAsync("""{"id": 3, "error": {"class": "CommandNotFound", "desc": "$any"}}""");
        await asking.ExpectAsync("""{"error": {"class": "GenericError", "desc": "$any"}}""");
        await greeted.NegotiateAsync();
    }

    [Fact]
    public async Task Who_does_not_read_is_cut_off_and_holds_up_nobody()
    {
        const string options = "-accel none";
        await using var folder = new KeptFolder();
        await using var daemon = await folder.StartAsync(options);
        await using var asking = await daemon.ConnectAsync();
        await using var silent = await daemon.ConnectAsync();
        await silent.AskAsync("""{"execute": "query-qmp-schema"}""");
        for (var i = 0; i < 40; i++)
            await silent.SendAsync("""{"execute": "query-qmp-schema"}""");
        // More is waiting for it than its socket takes.
        var (arrived, before) = (0, -1);
        for (; arrived == 0 || arrived != before; arrived = silent.Socket!.Available)
        {
            before = arrived;
            await Task.Delay(500);
        }

        await Upgrade.RunAsync(daemon, asking, options);

        await Eventually.TrueAsync(() => daemon.Log.Contains("does not read what it is sent", StringComparison.Ordinal), () => daemon.Log);
    }

    [Fact]
    public async Task The_keeper_starts_a_successor_of_the_new_program_and_none_in_between()
    {
        const string options = "-accel none -keep process,restart=on";
        await using var folder = new KeptFolder();
        await using var daemon = await folder.StartAsync(options);
        await using (var client = await daemon.ConnectAsync())
        {
            await SuccessorTests.AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "m", "size": 4096}""");
            await Upgrade.RunAsync(daemon, client, options + " -name second");
            // Where the keeper had started one it would have said by now that the name is taken.
            await Task.Delay(300);
            Assert.DoesNotContain("Failed to bind", daemon.Log, StringComparison.Ordinal);
        }
        daemon.Signal(DaemonFixture.SigKill);
        await Eventually.TrueAsync(() => daemon.HasExited, () => "its end");
        await Eventually.TrueAsync(() => RestartTests.Answers(daemon), () => "a successor");
        await using (var next = await daemon.ConnectAsync())
        {
            Assert.Equal("""{"name": "second"}""", await next.QueryAsync("query-name"));
            Assert.Contains("\"m\"", await next.QueryAsync("query-memdev"), StringComparison.Ordinal);
            await next.SendAsync("""{"execute": "quit"}""");
        }
        await Eventually.TrueAsync(() => Directory.GetFileSystemEntries(folder.Path).Length == 0, () => "nothing is left");
    }

    private static async Task<string> ObserveAsync(QmpClient client) => string.Join(
        "\n",
        await client.QueryAsync("query-memdev"),
        await client.QueryAsync("query-memory-devices"),
        await client.QueryAsync("query-status"),
        (await client.AskAsync("""{"execute": "qom-list", "arguments": {"path": "/objects"}}""")).GetRawText());
}
