using System.Text.Json;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>kill -9 of the daemon, and a successor of the same name.</summary>
public sealed class SuccessorTests
{
    private const string Machine = "-machine q35 -m 0,slots=8,maxmem=8G";
    private const string Done = """{"return": {}}""";

    [KvmTheory]
    [InlineData("""{"qom-type": "memory-backend-memfd", "id": "m0", "size": 2097152}""", "address")]
    [InlineData("""{"qom-type": "memory-backend-memfd", "id": "m0", "size": 2097152, "guest-memfd": true}""", "address")]
    [InlineData("""{"qom-type": "memory-backend-guest-memfd", "id": "m0", "size": 2097152}""", "address")]
    [InlineData("""{"qom-type": "memory-backend-shm", "id": "m0", "size": 2097152}""", "address")]
    [InlineData("""{"qom-type": "memory-backend-ram", "id": "m0", "size": 2097152, "share": true}""", "address")]
    [InlineData("""{"qom-type": "memory-backend-file", "id": "m0", "size": 2097152, "share": true, "mem-path": "{dir}/ram"}""", "address")]
    public async Task Memory_with_a_descriptor_is_there_with_its_bytes_at_its_address(string backend, string binding)
    {
        await using var folder = new KeptFolder();
        string before;
        var nonce = Convert.ToBase64String(Guid.NewGuid().ToByteArray());
        await using (var daemon = await folder.StartAsync(Machine))
        {
            await using var client = await daemon.ConnectAsync();
            await AddAsync(client, backend.Replace("{dir}", folder.Path, StringComparison.Ordinal));
            await SetAsync(client, "m0", "prealloc-threads", "3");
            await PlugAsync(client, "d0", "m0", ", \"addr\": 4429185024, \"slot\": 5");
            await WriteAsync(client, 4429185024 + 4094, nonce);
            before = await ObserveAsync(client);
            await daemon.CrashAsync();
        }

        await using var successor = await folder.StartAsync(Machine);
        await using var after = await successor.ConnectAsync();

        Assert.Equal(before, await ObserveAsync(after));
        Assert.Equal(nonce, await ReadAsync(after, 4429185024 + 4094));
        var slot = (await after.AskAsync("""{"execute": "query-memory-slots", "arguments": {"addr": 4429185024}}""")).GetProperty("return").GetProperty("slots")[0];
        Assert.Equal(binding, slot.GetProperty("binding").GetString());
        Assert.Equal("/machine/peripheral/d0", slot.GetProperty("device").GetString());
        // It is as any other: it can go.
        await after.ExchangeAsync("""{"execute": "device_del", "arguments": {"id": "d0"}}""", Done);
        await after.ExpectAsync("""{"event": "DEVICE_DELETED", "data": "$any", "timestamp": "$any"}""");
        await after.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m0"}}""", Done);
    }

    [Fact]
    public async Task What_was_private_is_named_as_lost_once_to_each_client_behind_its_subscription()
    {
        await using var folder = new KeptFolder();
        await using (var daemon = await folder.StartAsync("-accel none -object iothread,id=io,poll-max-ns=7 -object memory-backend-ram,id=gone,size=4096"))
        {
            await using var client = await daemon.ConnectAsync();
            await AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "m", "size": 4096}""");
            await daemon.CrashAsync();
        }

        await using var successor = await folder.StartAsync("-accel none");
        await using var after = await successor.ConnectAsync();

        Assert.Contains("\"poll-max-ns\": 7", await after.QueryAsync("query-iothreads"), StringComparison.Ordinal);
        Assert.DoesNotContain("gone", await after.QueryAsync("query-memdev"), StringComparison.Ordinal);
        const string subscribe = """{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_BACKEND_DELETED"]}}""";
        await after.ExchangeAsync("""{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_BACKEND_ADDED"]}}""", """{"return": "$any"}""");
        await after.ExchangeAsync(subscribe, """{"return": "$any"}""");
        await after.ExpectAsync(
            """{"event": "MEMORY_BACKEND_DELETED", "data": {"memdev": "/objects/gone", "size": 4096, "held": false, "generation": "$int"}, "timestamp": "$any"}""");
        await after.ExchangeAsync(subscribe, """{"return": "$any"}""");
        await after.ExchangeAsync("""{"execute": "qmp_quit"}""", """{"error": "$any"}""");
        await Eventually.TrueAsync(() => successor.Log.Contains("/objects/gone", StringComparison.Ordinal), () => successor.Log);
    }

    [Fact]
    public async Task What_becomes_of_memory_that_cannot_be_kept_is_not_written_down()
    {
        await using var folder = new KeptFolder();
        await using var daemon = await folder.StartAsync("-accel none " + Machine);
        await using var client = await daemon.ConnectAsync();
        await AddAsync(client, """{"qom-type": "memory-backend-ram", "id": "p", "size": 134217728}""");
        await AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "m", "size": 134217728}""");
        var said = folder.ReadRecord();
        await client.ExchangeAsync("""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "dp", "memdev": "p"}}""", Done);
        Assert.Equal(said, folder.ReadRecord());
        await client.ExchangeAsync("""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "dm", "memdev": "m"}}""", Done);
        Assert.Contains("\"id\": \"dm\"", folder.ReadRecord()[said.Length..], StringComparison.Ordinal);
        await client.ExchangeAsync("""{"execute": "device_del", "arguments": {"id": "dp"}}""", Done);
        await client.ExpectAsync("""{"event": "DEVICE_DELETED", "data": "$any", "timestamp": "$any"}""");
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "p"}}""", Done);
        Assert.EndsWith("{\"delete\": \"p\"}\n", folder.ReadRecord(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_deleted_and_unplugged_stays_so()
    {
        await using var folder = new KeptFolder();
        await using (var daemon = await folder.StartAsync("-accel none " + Machine))
        {
            await using var client = await daemon.ConnectAsync();
            await AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "m0", "size": 2097152}""");
            await AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "m1", "size": 2097152}""");
            await AddAsync(client, """{"qom-type": "iothread", "id": "io"}""");
            await PlugAsync(client, "d0", "m0", "");
            await client.ExchangeAsync("""{"execute": "device_del", "arguments": {"id": "d0"}}""", Done);
            await client.ExpectAsync("""{"event": "DEVICE_DELETED", "data": "$any", "timestamp": "$any"}""");
            await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m1"}}""", Done);
            await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "io"}}""", Done);
            await daemon.CrashAsync();
        }

        await using var successor = await folder.StartAsync("-accel none " + Machine);
        await using var after = await successor.ConnectAsync();

        Assert.Equal("[]", await after.QueryAsync("query-memory-devices"));
        Assert.Equal("[]", await after.QueryAsync("query-iothreads"));
        var left = JsonDocument.Parse(await after.QueryAsync("query-memdev")).RootElement;
        Assert.Equal("m0", Assert.Single(left.EnumerateArray()).GetProperty("id").GetString());
    }

    [Fact]
    public async Task Objects_and_devices_of_the_command_line_are_found_by_their_names()
    {
        const string line = "-accel none " + Machine + " -object memory-backend-memfd,id=m0,size=2M -device pc-dimm,id=d0,memdev=m0";
        await using var folder = new KeptFolder();
        ulong inode;
        await using (var daemon = await folder.StartAsync(line))
        {
            inode = await InodeAsync(daemon);
            await daemon.CrashAsync();
        }

        var (status, _, error) = await DaemonFixture.RunToEndAsync(
            ["-qmp", $"unix:{folder.Path}/qmp", .. line.Replace("size=2M", "size=4M", StringComparison.Ordinal).Split(' ')]);
        Assert.Equal(1, status);
        Assert.Contains("'m0' of a daemon that was killed is kept, and is memory-backend-memfd of 2097152 bytes", error, StringComparison.Ordinal);

        await using var successor = await folder.StartAsync(line);
        Assert.Equal(inode, await InodeAsync(successor));
    }

    [Fact]
    public async Task A_machine_in_which_it_has_no_place_does_not_start_and_loses_nothing()
    {
        await using var folder = new KeptFolder();
        await using (var daemon = await folder.StartAsync("-accel none " + Machine))
        {
            await using var client = await daemon.ConnectAsync();
            await AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "m0", "size": 2097152}""");
            await PlugAsync(client, "d0", "m0", "");
            await daemon.CrashAsync();
        }

        foreach (var other in new[] { "-accel none", "-accel none -keep none " + Machine })
        {
            var (status, _, error) = await DaemonFixture.RunToEndAsync(["-qmp", $"unix:{folder.Path}/qmp", .. other.Split(' ')]);
            Assert.Equal(1, status);
            Assert.Contains(other.Contains("keep", StringComparison.Ordinal) ? "-keep none: " : "'m0' cannot be had again as it was: ", error, StringComparison.Ordinal);
        }

        await using var successor = await folder.StartAsync("-accel none " + Machine);
        await using var after = await successor.ConnectAsync();
        Assert.Contains("\"d0\"", await after.QueryAsync("query-memory-devices"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Loans_are_as_they_were_less_those_who_ended_meanwhile()
    {
        await using var folder = new KeptFolder();
        using var stays = new Borrowing();
        using var ends = new Borrowing();
        await using (var daemon = await folder.StartAsync("-accel none"))
        {
            await using var client = await daemon.ConnectAsync();
            await AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "m0", "size": 4096}""");
            await AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "m1", "size": 4096}""");
            await stays.OpenAsync(client, "m0");
            await ends.OpenAsync(client, "m1");
            await daemon.CrashAsync();
        }
        ends.Process.Kill();
        await ends.Process.WaitForExitAsync();

        await using var successor = await folder.StartAsync("-accel none");
        await using var after = await successor.ConnectAsync();
        var loans = JsonDocument.Parse(await after.QueryAsync("query-memory-loans")).RootElement;
        Assert.Equal(["held", "lost"], loans.EnumerateArray().Select(loan => loan.GetProperty("state").GetString()));
        Assert.Equal(stays.Process.Id, Assert.Single(loans[0].GetProperty("borrowers").EnumerateArray()).GetProperty("pid").GetInt32());
        var refused = await after.AskAsync("""{"execute": "object-del", "arguments": {"id": "m0"}}""");
        Assert.Equal($"Memory backend 'm0' is held by sleep (pid {stays.Process.Id})", refused.GetProperty("error").GetProperty("desc").GetString());
        await after.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m1"}}""", Done);

        // Its end is seen here as well.
        await after.ExchangeAsync("""{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_LOAN_CHANGE"]}}""", """{"return": "$any"}""");
        stays.Process.Kill();
        await after.ExpectAsync(
            """{"event": "MEMORY_LOAN_CHANGE", "data": {"memdev": "/objects/m0", "state": "lost", "pid": "$int", "generation": "$int"}, "timestamp": "$any"}""");
    }

    [Fact]
    public async Task A_chain_of_crashes_keeps_everything()
    {
        await using var folder = new KeptFolder();
        for (var round = 0; round < 4; round++)
        {
            await using var daemon = await folder.StartAsync("-accel none");
            await using var client = await daemon.ConnectAsync();
            await AddAsync(client, $$"""{"qom-type": "memory-backend-memfd", "id": "m{{round}}", "size": 4096}""");
            var ids = JsonDocument.Parse(await client.QueryAsync("query-memdev")).RootElement.EnumerateArray().Select(memdev => memdev.GetProperty("id").GetString());
            Assert.Equal(Enumerable.Range(0, round + 1).Select(number => $"m{number}"), ids.Order());
            if (round < 3)
                await daemon.CrashAsync();
        }
    }

    internal static Task AddAsync(QmpClient client, string backend) =>
        client.ExchangeAsync($$"""{"execute": "object-add", "arguments": {{backend}}}""", Done);

    private static Task SetAsync(QmpClient client, string id, string property, string value) => client.ExchangeAsync(
        $$$"""{"execute": "qom-set", "arguments": {"path": "/objects/{{{id}}}", "property": "{{{property}}}", "value": {{{value}}}}}""", Done);

    private static Task PlugAsync(QmpClient client, string id, string memdev, string more) => client.ExchangeAsync(
        $$$"""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "{{{id}}}", "memdev": "{{{memdev}}}"{{{more}}}}}""", Done);

    internal static async Task WriteAsync(QmpClient client, ulong addr, string data)
    {
        var reply = await client.AskAsync(
            $$$"""{"execute": "probe-guest-memory", "arguments": {"operation": "write", "addr": {{{addr}}}, "data": "{{{data}}}"}}""");
        Assert.Equal("done", reply.GetProperty("return").GetProperty("outcome").GetString());
    }

    internal static async Task<string?> ReadAsync(QmpClient client, ulong addr)
    {
        var reply = await client.AskAsync(
            $$$"""{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": {{{addr}}}, "size": 16}}""");
        Assert.Equal("done", reply.GetProperty("return").GetProperty("outcome").GetString());
        return reply.GetProperty("return").GetProperty("guest-data").GetString();
    }

    private static async Task<string> ObserveAsync(QmpClient client) => string.Join(
        "\n",
        await client.QueryAsync("query-memdev"),
        await client.QueryAsync("query-memory-devices"),
        (await client.AskAsync("""{"execute": "qom-list-get", "arguments": {"paths": ["/objects/m0"]}}""")).GetRawText(),
        (await client.AskAsync("""{"execute": "qom-list", "arguments": {"path": "/objects"}}""")).GetRawText(),
        (await client.AskAsync("""{"execute": "qom-list", "arguments": {"path": "/machine/peripheral"}}""")).GetRawText());

    private static async Task<ulong> InodeAsync(DaemonFixture daemon)
    {
        await using var client = await QmpClient.ConnectAsync(daemon.Socket);
        await client.NegotiateAsync();
        var (_, descriptors) = await client.RequestDescriptorAsync("m0");
        using var file = Assert.Single(descriptors);
        return new Kvm.LinuxKernel().Fstat(file).Inode;
    }
}
