using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Hostmemd.Daemon.Tests.Processes;
using Hostmemd.Kvm.Native;
using Hostmemd.Protocol.Wire;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>Loans over a real socket of a real daemon, with other processes that are real but no VMMs.</summary>
public sealed class LendingCommandTests
{
    private const string Add = """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}}""";
    private const string Done = """{"return": {}}""";

    [Fact]
    public Task Each_way_says_how_it_goes_or_why_not() => DaemonFixture.RunAsync("-accel none -lend-dir {dir}/lend", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.ExchangeAsync(Add, Done);
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "p", "size": 2097152, "share": false}}""", Done);
        await client.ExchangeAsync("""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "r", "size": 2097152}}""", Done);

        var path = $"{daemon.Directory}/lend/m";
        await client.ExchangeAsync(
            """{"execute": "query-memory-loans", "arguments": {"memdev": "m"}}""",
            """
            {"return": [{"memdev": "/objects/m", "generation": "$int", "size": 2097152, "offset": 0, "state": "offered", "borrowers": [], "ways": [
              {"method": "path", "usable": true, "path": "PATH",
               "qemu-object": "{\"qom-type\": \"memory-backend-file\", \"id\": \"m\", \"mem-path\": \"PATH\", \"size\": 2097152, \"share\": true}"},
              {"method": "descriptor", "usable": true},
              {"method": "cpr", "usable": true,
               "qemu-object": "{\"qom-type\": \"memory-backend-memfd\", \"id\": \"m\", \"size\": 2097152, \"share\": true}"},
              {"method": "vhost-user", "usable": true}, {"method": "vhost-kernel", "usable": true}]}]}
            """.Replace("PATH", path, StringComparison.Ordinal));
        foreach (var (id, text) in (IEnumerable<(string, string)>)[("p", "'share=off'"), ("r", "private anonymous memory")])
            foreach (var way in (await LoanAsync(client, id)).GetProperty("ways").EnumerateArray().Where(way => way.GetProperty("method").GetString() is "path" or "cpr" or "vhost-user"))
                Assert.Contains(text, way.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal(0x180, (int)new FileInfo(path).ResolveLinkTarget(false)!.UnixFileMode & 0x1FF);
    });

    [Fact]
    public Task A_file_of_any_name_goes_as_a_whole_argument() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        var path = $"{daemon.Directory}/a \"b\" \\ é";
        await File.WriteAllBytesAsync(path, new byte[8192]);
        var properties = $"\"mem-path\": {JsonText.Quoted(path)}, \"size\": 4096, \"share\": true, \"offset\": 4096, \"readonly\": true";
        await client.ExchangeAsync(
            $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-file", "id": "f.1-x_", {{{properties}}}}}""", Done);

        var loan = Assert.Single((await client.AskAsync("""{"execute": "query-memory-loans"}""")).GetProperty("return").EnumerateArray());

        var way = loan.GetProperty("ways").EnumerateArray().First();
        Assert.Equal(path, way.GetProperty("path").GetString());
        Assert.Equal(
            $$$"""{"qom-type": "memory-backend-file", "id": "f.1-x_", {{{properties}}}}""", way.GetProperty("qemu-object").GetString());
    });

    [Fact]
    public Task Who_opens_it_holds_it_and_gives_it_back_by_closing() => DaemonFixture.RunAsync("-accel none -lend-dir {dir}/lend", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.ExchangeAsync(Add, Done);
        await SubscribeAsync(client);

        using (File.OpenHandle($"{daemon.Directory}/lend/m", FileMode.Open, FileAccess.ReadWrite))
        {
            await ExpectChangeAsync(client, "held", Environment.ProcessId);
            var loan = await LoanAsync(client, "m");
            Assert.Equal("held", loan.GetProperty("state").GetString());
            Assert.Equal(Environment.ProcessId, Assert.Single(loan.GetProperty("borrowers").EnumerateArray()).GetProperty("pid").GetInt32());
            var refused = await client.AskAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""");
            Assert.Matches($@"^Memory backend 'm' is held by .+ \(pid {Environment.ProcessId}\)$", refused.GetProperty("error").GetProperty("desc").GetString());
            Assert.Equal(0, ProcessResources.Mappings("memory-backend-memfd", daemon.Pid));
        }
        await ExpectChangeAsync(client, "offered", Environment.ProcessId);
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", Done);
        Assert.Empty(Directory.EnumerateFileSystemEntries($"{daemon.Directory}/lend"));
    });

    [Fact]
    public Task Without_a_directory_it_is_looked_after_from_when_its_path_is_told() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.ExchangeAsync(Add, Done);
        await SubscribeAsync(client);
        Assert.Equal(0, ProcessResources.Count("inotify", daemon.Pid));
        var path = (await LoanAsync(client, "m")).GetProperty("ways")[0].GetProperty("path").GetString()!;

        using (File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
        {
            await ExpectChangeAsync(client, "held", Environment.ProcessId);
            var refused = await client.AskAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""");
            Assert.Matches($@"^Memory backend 'm' is held by .+ \(pid {Environment.ProcessId}\)$", refused.GetProperty("error").GetProperty("desc").GetString());
        }
        await ExpectChangeAsync(client, "free", Environment.ProcessId);
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", Done);
    });

    [Fact]
    public Task Object_del_sees_who_opened_it_a_moment_before() => DaemonFixture.RunAsync("-accel none -lend-dir {dir}/lend", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        for (var i = 0; i < 20; i++)
        {
            await client.ExchangeAsync(Add, Done);
            using (File.OpenHandle($"{daemon.Directory}/lend/m", FileMode.Open, FileAccess.ReadWrite))
            {
                var refused = await client.AskAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""");
                Assert.True(refused.TryGetProperty("error", out _), refused.GetRawText());
            }
            await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", Done);
        }
    });

    [Fact]
    public Task A_borrower_that_ends_loses_it_and_the_next_one_has_it() => DaemonFixture.RunAsync("-accel none -lend-dir {dir}/lend", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.ExchangeAsync(Add, Done);
        await SubscribeAsync(client);
        for (var i = 0; i < 5; i++)
        {
            // It sleeps with the memory open.
            using var borrower = Process.Start(new ProcessStartInfo("sh", ["-c", $"exec sleep 60 <>{daemon.Directory}/lend/m"]))!;
            await ExpectChangeAsync(client, "held", borrower.Id);
            borrower.Kill();
            await borrower.WaitForExitAsync();
            await ExpectChangeAsync(client, "lost", borrower.Id);
            Assert.Equal("lost", (await LoanAsync(client, "m")).GetProperty("state").GetString());
        }
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", Done);
    });

    [Fact]
    public Task What_is_forgotten_stays_in_the_ledger_as_long_as_somebody_has_it() => DaemonFixture.RunAsync("-accel none -lend-dir {dir}/lend", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.ExchangeAsync(Add, Done);
        await SubscribeAsync(client, ", \"MEMORY_BACKEND_DELETED\"");
        using var borrower = Process.Start(new ProcessStartInfo("sh", ["-c", $"exec sleep 60 <>{daemon.Directory}/lend/m"]))!;
        await ExpectChangeAsync(client, "held", borrower.Id);

        await client.SendAsync("""{"execute": "memory-backend-forget", "arguments": {"memdev": "m"}}""");
        await client.ExpectAsync(
            """{"event": "MEMORY_BACKEND_DELETED", "timestamp": "$any", "data": {"memdev": "/objects/m", "size": 2097152, "held": true, "generation": "$int"}}""");
        await client.ExpectAsync(Done);
        await client.ExchangeAsync("""{"execute": "query-memdev"}""", """{"return": []}""");
        Assert.Equal(0, ProcessResources.Count("memory-backend-memfd", daemon.Pid));
        // The id is free, and another backend of that id is another loan.
        await client.ExchangeAsync(Add, Done);
        var loans = (await client.AskAsync("""{"execute": "query-memory-loans", "arguments": {"memdev": "m"}}""")).GetProperty("return");
        Assert.Equal(["offered", "held"], loans.EnumerateArray().Select(loan => loan.GetProperty("state").GetString()!));

        borrower.Kill();
        await ExpectChangeAsync(client, "lost", borrower.Id);
        Assert.Equal("offered", (await LoanAsync(client, "m")).GetProperty("state").GetString());
    });

    [KvmFact]
    public Task A_list_of_descriptors_goes_over_the_cpr_channel() => DaemonFixture.RunAsync("-machine none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.ExchangeAsync(Add, Done);
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "g", "size": 4194304, "guest-memfd": true}}""", Done);
        var path = Path.Combine(daemon.Directory, "cpr");
        using var listener = Listen(path);
        await client.SendAsync(
            $$$"""{"execute": "memory-lend", "arguments": {"method": "cpr", "memdevs": ["m", "g"], "path": "{{{path}}}"} }""");
        using var socket = await listener.AcceptAsync();
        var (bytes, descriptors) = await ReceiveAllAsync(socket);
        socket.Close();
        await client.ExpectAsync(Done);

        Assert.Equal("QCPR\0\0\0\u0001\u0001\0\0\0\u0002m\0\0\0\0\0 \u0001\0\0\0\u0002g\0\0\0\0\0 \0\u0005\u0015CprState/vfio devices\0\0\0\u0001\0", bytes);
        var kernel = new LinuxKernel();
        Assert.Equal([2097152UL, 4194304], descriptors.Select(file => kernel.Fstat(file).Size));
        Assert.Equal(0, ProcessResources.Mappings("kvm-gmem", daemon.Pid));
        // Of two VMMs with one RAM neither lives long.
        var again = await client.AskAsync($$$"""{"execute": "memory-lend", "arguments": {"method": "cpr", "memdevs": ["g"], "path": "{{{path}}}"} }""");
        Assert.Contains($"(pid {Environment.ProcessId})", again.GetProperty("error").GetProperty("desc").GetString(), StringComparison.Ordinal);
        descriptors.ForEach(file => file.Dispose());
    });

    [Theory]
    [InlineData("""{"method": "cpr", "memdevs": [], "path": "/x"}""", "Parameter 'memdevs' expects at least one backend")]
    [InlineData("""{"method": "cpr", "memdevs": ["m", "/objects/m"], "path": "/x"}""", "Parameter 'memdevs' has backend 'm' twice")]
    [InlineData("""{"method": "cpr", "memdevs": ["m"], "path": "/x"}""", "cannot connect to '/x': no such socket")]
    [InlineData(
        """{"method": "cpr", "memdevs": ["m", "r"], "path": "/x"}""",
        "Memory backend 'r' cannot go by 'cpr': it is private anonymous memory, use 'share=on'")]
    public Task What_cannot_be_lent_is_refused_and_stays_free(string arguments, string text) => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.ExchangeAsync(Add, Done);
        await client.ExchangeAsync("""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "r", "size": 2097152}}""", Done);

        var reply = await client.AskAsync($$"""{"execute": "memory-lend", "arguments": {{arguments}} }""");

        Assert.Equal(text, reply.GetProperty("error").GetProperty("desc").GetString());
        Assert.Equal("free", (await LoanAsync(client, "m")).GetProperty("state").GetString());
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", Done);
    });

    [Fact]
    public Task A_peer_that_hangs_up_has_nothing() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.ExchangeAsync(Add, Done);
        var path = Path.Combine(daemon.Directory, "cpr");
        using var listener = Listen(path);
        using var held = listener.AcceptAsync().ContinueWith(accepted => accepted.Result.Close(0), TaskScheduler.Default);

        var reply = await client.AskAsync($$$"""{"execute": "memory-lend", "arguments": {"method": "cpr", "memdevs": ["m"], "path": "{{{path}}}"} }""");

        Assert.StartsWith($"lending over '{path}' failed", reply.GetProperty("error").GetProperty("desc").GetString(), StringComparison.Ordinal);
        Assert.Equal("free", (await LoanAsync(client, "m")).GetProperty("state").GetString());
        await held;
    });

    [Fact]
    public Task The_end_of_the_daemon_leaves_the_borrower_its_memory() => DaemonFixture.RunAsync("-accel none -lend-dir {dir}/lend", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.ExchangeAsync(Add, Done);
        using var file = File.OpenHandle($"{daemon.Directory}/lend/m", FileMode.Open, FileAccess.ReadWrite);
        await RandomAccess.WriteAsync(file, "kept"u8.ToArray(), 4096);
        await LoanAsync(client, "m");

        await client.ExchangeAsync("""{"execute": "quit"}""", """{"event": "SHUTDOWN", "timestamp": "$any", "data": "$any"}""");
        Assert.Equal(0, await daemon.WaitForExitAsync());

        var seen = new byte[4];
        Assert.Equal(4, await RandomAccess.ReadAsync(file, seen, 4096));
        Assert.Equal("kept"u8, seen);
        Assert.Contains($"Memory backend m stays with", daemon.Log, StringComparison.Ordinal);
        Assert.Contains($"(pid {Environment.ProcessId})", daemon.Log, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries($"{daemon.Directory}/lend"));
    });

    [Fact]
    public Task Two_parts_of_a_file_are_lent_apart() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        // On overlayfs, as containers have it, mappings are not told apart.
        var path = Path.Combine("/dev/shm", Path.GetFileName(daemon.Directory));
        await File.WriteAllBytesAsync(path, new byte[4 << 20]);
        await using var client = await daemon.ConnectAsync();
        foreach (var (id, offset) in (IEnumerable<(string, int)>)[("a", 0), ("b", 2 << 20)])
            await client.ExchangeAsync(
                $$$"""
                {"execute": "object-add", "arguments": {"qom-type": "memory-backend-file", "id": "{{{id}}}", "size": 2097152, "mem-path": "{{{path}}}",
                  "share": true, "offset": {{{offset}}}} }
                """, Done);
        Assert.Contains("\\\"offset\\\": 2097152", (await LoanAsync(client, "b")).GetRawText(), StringComparison.Ordinal);
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        using var mapped = MappedMemory.Create(new LinuxKernel(), new MappingOptions { Size = 2 << 20, Offset = 2 << 20, File = file, Shared = true });

        Assert.Equal("free", (await LoanAsync(client, "a")).GetProperty("state").GetString());
        Assert.Equal("held", (await LoanAsync(client, "b")).GetProperty("state").GetString());
        File.Delete(path);
    });

    private static async Task SubscribeAsync(QmpClient client, string others = "") => await client.ExchangeAsync(
        """{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_LOAN_CHANGE"OTHERS]}}""".Replace("OTHERS", others, StringComparison.Ordinal),
        """{"return": "$any"}""");

    private static Task ExpectChangeAsync(QmpClient client, string state, int pid) => client.ExpectAsync(
        $$$"""
        {"event": "MEMORY_LOAN_CHANGE", "timestamp": "$any", "data": {"memdev": "/objects/m", "state": "{{{state}}}", "pid": {{{pid}}}, "generation": "$int"} }
        """);

    private static async Task<JsonElement> LoanAsync(QmpClient client, string memdev)
    {
        var reply = await client.AskAsync($$$"""{"execute": "query-memory-loans", "arguments": {"memdev": "{{{memdev}}}"} }""");
        return reply.GetProperty("return").EnumerateArray().First();
    }

    private static Socket Listen(string path)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        return listener;
    }

    private static async Task<(string Bytes, List<SafeFileHandle> Descriptors)> ReceiveAllAsync(Socket socket)
    {
        var (text, descriptors, buffer) = (new StringBuilder(), new List<SafeFileHandle>(), new byte[4096]);
        while (true)
        {
            var message = SocketMessages.Receive(socket.SafeHandle, buffer, descriptors);
            if (message is { WouldBlock: false, Bytes: 0 })
                return (text.ToString(), descriptors);
            text.Append(Encoding.Latin1.GetString(buffer, 0, message.Bytes));
            if (message.WouldBlock)
                await socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None);
        }
    }
}
