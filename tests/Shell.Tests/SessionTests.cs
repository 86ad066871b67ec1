using System.Net;
using System.Net.Sockets;

namespace Hostmemd.QmpShell.Tests;

/// <summary>The built shell with lines from a pipe: against the built daemon, and against servers that misbehave.</summary>
public sealed class SessionTests
{
    private const string Ok = """{"return": {}}""";

    [Fact]
    public async Task Answers_are_printed_in_the_order_of_the_lines()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();

        var (status, output, errors) = await ShellProcess.RunAsync(
            """
            query-name

            # no line for the server
            nonsense a=1
            {"execute": "query-name", "id": {"mine": [1.5, null]}}
            {"execute":}
            {"execute": "query-name"} {"execute": "query-yank"}
              query-name
            id=seven oob query-yank
            """ + "\n", "--json", server.SocketPath);

        Assert.Equal((1, ""), (status, errors));
        string[] lines = output.Split('\n');
        Assert.Equal(Ok, lines[0]);
        Assert.Equal("""{"error": {"class": "CommandNotFound", "desc": "The command nonsense has not been found"}}""", lines[1]);
        Assert.Equal("""{"return": {}, "id": {"mine": [1.5, null]}}""", lines[2]);
        Assert.Contains("JSON parse error", lines[3], StringComparison.Ordinal);
        Assert.Equal([Ok, """{"return": []}""", Ok, """{"return": [], "id": "seven"}"""], lines[4..]);
    }

    [Fact]
    public async Task Banner_and_prompt_are_where_scripts_look_for_them()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();

        var (status, output, _) = await ShellProcess.RunAsync("query-name\n", server.SocketPath);

        Assert.Equal(0, status);
        Assert.Matches(@"\AWelcome to the QMP low-level shell!\nConnected to hostmemd [0-9.]+\n\n\(hostmemd\) \{""return"": \{\}\}\n\(hostmemd\)\z", output);
    }

    [Fact]
    public async Task The_schema_makes_values_what_the_server_wants()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync("-M", "q35,accel=none", "-m", "128M,maxmem=1G,slots=2");

        var (status, output, errors) = await ShellProcess.RunAsync(
            """
            object-add qom-type=memory-backend-memfd id=m-1 size=0x1000000 share=on host-nodes=[ 0 ] policy=bind prealloc=no
            object-add qom-type=memory-backend-ram id="m-2" size=16M
            qom-get path=m-1 property=size
            device_add driver=pc-dimm id=d0 memdev=m-2 node=0x0 slot=1
            qom-set path=m-1 property=dump value=off
            event-subscribe events=MEMORY_SLOT_ADDED,EVENTS_LOST
            device_del d0
            """ + "\n", "--json", server.SocketPath);

        Assert.Equal((0, ""), (status, errors));
        string[] lines = output.Split('\n');
        Assert.Equal([Ok, Ok], lines[..2]);
        Assert.Equal(["""{"return": 16777216}""", Ok, Ok], lines[2..5]);
        Assert.Contains("\"events\": [\"MEMORY_SLOT_ADDED\", \"EVENTS_LOST\"]", lines[5], StringComparison.Ordinal);
        Assert.Equal(Ok, lines[6]);
    }

    [Fact]
    public async Task Descriptors_go_and_come()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();
        using var directory = new ScratchDirectory();
        string file = Path.Combine(directory.Path, "in");
        string copy = Path.Combine(directory.Path, "out");
        byte[] bytes = new byte[3 << 20];
        new Random(1).NextBytes(bytes.AsSpan(1 << 20, 4096));
        await File.WriteAllBytesAsync(file, bytes);

        var (status, output, errors) = await ShellProcess.RunAsync(
            $"""
            getfd f @{file}
            closefd f
            add-fd fdset-id=7 @{file}
            object-add qom-type=memory-backend-file id=m0 mem-path=/dev/fdset/7 size=3M share=on
            memory-backend-send-fd m0 > {copy}
            query-name > {copy}.none
            """ + "\n", "--json", server.SocketPath);

        Assert.DoesNotContain("error", output, StringComparison.Ordinal);
        Assert.Equal((1, $"no descriptor came with the answer: {copy}.none was not written"), (status, errors));
        Assert.Equal(bytes, await File.ReadAllBytesAsync(copy));
    }

    [Fact]
    public async Task A_long_script_is_answered_line_by_line()
    {
        const int Commands = 2000;
        await using ServerProcess server = await Servers.StartDaemonAsync();
        string script = string.Join('\n', Enumerable.Range(0, Commands).Select(i => i % 2 == 0 ? $"x{i}" : $"{{\"execute\": \"x{i}\"}}"));

        var (status, output, _) = await ShellProcess.RunAsync(script, "--json", server.SocketPath);

        Assert.Equal(1, status);
        string[] lines = output.Split('\n');
        Assert.Equal(Commands, lines.Length);
        for (int i = 0; i < Commands; i++)
            Assert.Contains($"The command x{i} has not been found", lines[i], StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_quit_nothing_is_sent_and_nothing_fails()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();

        var (status, output, errors) = await ShellProcess.RunAsync("quit\nquery-name\n", "--json", server.SocketPath);

        Assert.Equal((0, ""), (status, errors));
        string[] lines = output.Split('\n');
        Assert.Contains("\"event\": \"SHUTDOWN\"", lines[0], StringComparison.Ordinal);
        Assert.Equal(Ok, lines[1]);
        Assert.Equal(2, lines.Length);
    }

    [Fact]
    public async Task The_log_has_all_messages_with_their_times_and_the_socket_stays()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();
        using var directory = new ScratchDirectory();
        string log = Path.Combine(directory.Path, "log");

        await ShellProcess.RunAsync("cont\n", "-l", log, server.SocketPath);
        var (status, _, _) = await ShellProcess.RunAsync("query-name\n", "--logfile", log, server.SocketPath);

        Assert.Equal(0, status);
        string[] lines = await File.ReadAllLinesAsync(log);
        Assert.All(lines, line => Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (->|<-) \{", line));
        Assert.Contains(lines, line => line.Contains("\"event\": \"RESUME\"", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("-> {\"execute\": \"query-name\"", StringComparison.Ordinal));
        Assert.True(File.Exists(server.SocketPath));
    }

    [Fact]
    public async Task Pretty_and_verbose_print_a_line_a_member()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();

        var (_, output, _) = await ShellProcess.RunAsync("query-status\n", "-vp", server.SocketPath);

        Assert.Contains(
            """
            (hostmemd) {
                "execute": "query-status"
            }
            {
                "return": {
                    "running": false,
                    "status": "prelaunch"
                }
            }
            """, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_come_when_they_happen_and_are_as_pretty_as_answers()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();

        var (_, output, _) = await ShellProcess.RunAsync("cont\n", "-p", server.SocketPath);

        Assert.Contains("(hostmemd) {\n    \"event\": \"RESUME\",\n    \"timestamp\": {\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_human_monitor_answers_in_text_and_its_cpu_is_kept()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();

        var (status, output, _) = await ShellProcess.RunAsync("info status\n   \ncpu x\ninfo kvm\n", "-H", server.SocketPath);

        Assert.Equal(1, status);
        Assert.StartsWith("Welcome to the HMP shell!\nConnected to hostmemd", output, StringComparison.Ordinal);
        Assert.Contains("(hostmemd) VM status: paused (prelaunch)\n", output, StringComparison.Ordinal);
        Assert.Contains("cpu takes the number of a CPU\n", output, StringComparison.Ordinal);
        Assert.Contains("kvm support: ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_socket_may_stand_in_the_environment()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();
        using ShellProcess shell = ShellProcess.Start(
            new Dictionary<string, string> { [ShellOptions.SocketVariable] = server.SocketPath }, "-c", "query-name");

        Assert.Equal((0, Ok, ""), await shell.EndAsync());
    }

    [Fact]
    public async Task A_server_may_listen_on_a_port_and_greet_nobody()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        string address = ((IPEndPoint)listener.LocalEndpoint).ToString();
        Task serving = Task.Run(async () =>
        {
            using TcpClient client = await listener.AcceptTcpClientAsync();
            string request = await ScriptedServer.ReadLineAsync(client.GetStream());
            Assert.StartsWith("{\"execute\": \"guest-ping\"", request, StringComparison.Ordinal);
            string id = request[request.IndexOf("\"id\"", StringComparison.Ordinal)..];
            await ScriptedServer.WriteAsync(client.GetStream(), "{\"return\": {}, " + id);
            Assert.Equal("", await ScriptedServer.ReadLineAsync(client.GetStream()));
        });

        Assert.Equal((0, Ok, ""), await ShellProcess.RunAsync("guest-ping\n", "-N", "--json", address));
        await serving;
    }

    [Fact]
    public async Task Nobody_listening_is_status_1() => Assert.Equal(
        (1, "", "qmp-shell: cannot connect to /nonexistent/qmp.sock: no such socket"),
        await ShellProcess.RunAsync("", "/nonexistent/qmp.sock"));

    [Fact]
    public async Task A_server_that_is_none_is_status_1()
    {
        using var server = new ScriptedServer();
        using ShellProcess shell = ShellProcess.Start(server.SocketPath);
        await server.ServeAsync(client => ScriptedServer.WriteAsync(client, "220 mail.example.org ESMTP\r\n"));

        Assert.Equal((1, "", "qmp-shell: the server does not speak QMP: no greeting, but 220"), await shell.EndAsync(endInput: false));
    }

    [Fact]
    public async Task A_server_that_vanishes_is_told_in_one_line()
    {
        using var server = new ScriptedServer();
        using ShellProcess shell = ShellProcess.Start("--json", server.SocketPath);
        await shell.TypeAsync("query-name");
        await server.ServeAsync(async client =>
        {
            await ScriptedServer.WriteAsync(client, """{"QMP": {}}""");
            await ScriptedServer.ReadLineAsync(client);
            await ScriptedServer.WriteAsync(client, """{"return": {}, "id": 2}""");
            await ScriptedServer.ReadLineAsync(client);
        });

        Assert.Equal((1, "", "qmp-shell: the server closed the connection"), await shell.EndAsync(endInput: false));
    }

    [Fact]
    public async Task A_server_that_does_not_greet_is_told_and_given_up()
    {
        using var server = new ScriptedServer();
        using ShellProcess shell = ShellProcess.Start("--timeout", "4", server.SocketPath);

        var (status, output, errors) = await shell.EndAsync(endInput: false, withNote: true);

        Assert.Equal((1, ""), (status, output));
        Assert.Equal(ShellProcess.NoGreetingYet + "qmp-shell: no greeting within 4 s", errors);
    }

    [Fact]
    public async Task A_wrapped_daemon_takes_lines_too() =>
        Assert.Equal((0, Ok, ""), await ShellProcess.RunAsync("query-name\n", "--wrap", "--json"));

    [QemuFact]
    public async Task Qemu_is_talked_to_in_the_same_way()
    {
        await using ServerProcess server = await Servers.StartQemuAsync();

        var (status, output, _) = await ShellProcess.RunAsync(
            """
            getfd 123 @/dev/null
            getfd fdname=f0 @/dev/null
            closefd f0
            blockdev-add driver=null-co node-name=n0 size=1M read-zeroes=on
            transaction( block-dirty-bitmap-add node=n0 name=7 granularity=64k )
            transaction(
            abort
            )
            object-add qom-type=memory-backend-ram id=m0 size=2M
            qom-get path=/objects/m0 property=size
            oob query-yank
            quit
            """ + "\n", server.SocketPath);

        Assert.Equal(1, status);
        Assert.StartsWith("Welcome to the QMP low-level shell!\nConnected to QEMU ", output, StringComparison.Ordinal);
        Assert.Contains($"QEMU emulator version {output.Split('\n')[1]["Connected to QEMU ".Length..]}", await VersionAsync(), StringComparison.Ordinal);
        string[] lines = output.Replace("(QEMU) ", "", StringComparison.Ordinal).Replace("TRANS> ", "", StringComparison.Ordinal).Split('\n')[3..];
        Assert.Contains("not starting with a digit", lines[0], StringComparison.Ordinal);
        Assert.Equal([Ok, Ok, Ok, Ok], lines[1..5]);
        Assert.Contains("Transaction aborted using Abort action", lines[5], StringComparison.Ordinal);
        Assert.Equal([Ok, """{"return": 2097152}"""], lines[6..8]);
        Assert.StartsWith("""{"return": [""", lines[8], StringComparison.Ordinal);
    }

    private static async Task<string> VersionAsync()
    {
        using var qemu = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo(Servers.Qemu, "--version") { RedirectStandardOutput = true })!;
        return await qemu.StandardOutput.ReadToEndAsync();
    }
}
