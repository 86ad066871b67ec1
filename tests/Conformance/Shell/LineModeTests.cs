using Hostmemd.Conformance.Transcript;

namespace Hostmemd.Conformance.Shell;

/// <summary>qmp-shell's line mode: the built program against the built daemon, and against servers that misbehave.</summary>
public sealed class LineModeTests
{
    [Fact]
    public async Task Answers_are_printed_in_the_order_of_the_lines()
    {
        await using ServerProcess server = await StartDaemonAsync();
        using ShellProcess shell = ShellProcess.Start(server.SocketPath);

        await shell.TypeAsync("query-name");
        await shell.TypeAsync("");
        await shell.TypeAsync("nonsense a=1");
        await shell.TypeAsync("""{"execute": "query-name", "id": {"mine": [1.5, null]}}""");
        await shell.TypeAsync("query-name");
        await shell.TypeAsync("""{"execute":}""");
        await shell.TypeAsync("  query-name  ");

        Assert.StartsWith("""{"QMP": {"version": """, await shell.NextLineAsync(), StringComparison.Ordinal);
        Assert.Equal("""{"return": {}}""", await shell.NextLineAsync());
        Assert.Equal("""{"return": {}}""", await shell.NextLineAsync());
        Assert.Equal(
            """{"error": {"class": "CommandNotFound", "desc": "The command nonsense has not been found"}}""",
            await shell.NextLineAsync());
        Assert.Equal("""{"return": {}, "id": {"mine": [1.5, null]}}""", await shell.NextLineAsync());
        Assert.Equal("""{"return": {}}""", await shell.NextLineAsync());
        Assert.Contains("JSON parse error, expecting value", await shell.NextLineAsync(), StringComparison.Ordinal);
        Assert.Equal("""{"return": {}}""", await shell.NextLineAsync());
        Assert.Equal((0, "", ""), await shell.EndAsync());
    }

    [Fact]
    public async Task A_line_that_cannot_be_sent_is_told_and_the_next_one_is_sent()
    {
        await using ServerProcess server = await StartDaemonAsync();
        using ShellProcess shell = ShellProcess.Start(server.SocketPath);

        await shell.TypeAsync("object-add qom-type");
        await shell.TypeAsync("query-name");
        string[] lines = (await shell.EndAsync()).Output.Split('\n');

        Assert.Contains("expected key=value, got qom-type", lines);
        Assert.Equal(2, lines.Count(line => line == """{"return": {}}"""));
    }

    [Fact]
    public async Task A_long_script_is_answered_line_by_line()
    {
        const int Commands = 2000;
        await using ServerProcess server = await StartDaemonAsync();
        using ShellProcess shell = ShellProcess.Start(server.SocketPath);
        Task typing = Task.Run(async () =>
        {
            for (int i = 0; i < Commands; i++)
                await shell.TypeAsync(i % 2 == 0 ? $"x{i}" : $"{{\"execute\": \"x{i}\"}}");
        });
        await shell.NextLineAsync();
        await shell.NextLineAsync();

        for (int i = 0; i < Commands; i++)
            Assert.Contains($"The command x{i} has not been found", await shell.NextLineAsync(), StringComparison.Ordinal);
        await typing;
        Assert.Equal((0, "", ""), await shell.EndAsync());
    }

    [Fact]
    public async Task An_event_is_printed_where_it_comes()
    {
        await using ServerProcess server = await StartDaemonAsync();
        using ShellProcess shell = ShellProcess.Start(server.SocketPath);

        await shell.TypeAsync("quit");
        var (status, rest, errors) = await shell.EndAsync(endInput: false);

        Assert.Equal((0, ""), (status, errors));
        string[] lines = rest.Split('\n');
        Assert.Equal("""{"return": {}}""", lines[1]);
        Assert.Contains(lines, line => line.Contains("\"event\": \"SHUTDOWN\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Nobody_listening_is_status_1()
    {
        using ShellProcess shell = ShellProcess.Start("/nonexistent/qmp.sock");

        Assert.Equal((1, "", "qmp-shell: cannot connect to /nonexistent/qmp.sock: no such socket"), await shell.EndAsync());
    }

    [Fact]
    public async Task A_server_that_is_none_is_status_1()
    {
        using var server = new ScriptedServer();
        using ShellProcess shell = ShellProcess.Start(server.SocketPath);
        await server.ServeAsync(client => ScriptedServer.WriteAsync(client, "220 mail.example.org ESMTP\r\n"));

        Assert.Equal((1, "", "qmp-shell: the server does not speak QMP: no greeting, but 220"), await shell.EndAsync(endInput: false));
    }

    [Fact]
    public async Task A_server_that_closes_with_input_unread_has_just_ended()
    {
        using var server = new ScriptedServer();
        using ShellProcess shell = ShellProcess.Start(server.SocketPath);
        await shell.TypeAsync("quit");
        await server.ServeAsync(async client =>
        {
            await ScriptedServer.WriteAsync(client, """{"QMP": {}}""");
            await ScriptedServer.ReadLineAsync(client);
            await ScriptedServer.WriteAsync(client, """{"return": {}, "id": 2}""");
            Assert.Equal(1, await client.ReadAsync(new byte[1]));
        });

        Assert.Equal((0, "{\"QMP\": {}}\n{\"return\": {}}", ""), await shell.EndAsync(endInput: false));
    }

    [Fact]
    public async Task A_wrapped_daemon_takes_lines_too()
    {
        using ShellProcess shell = ShellProcess.Start("--wrap");

        await shell.TypeAsync("query-name");
        var (status, rest, errors) = await shell.EndAsync();

        Assert.Equal((0, ""), (status, errors));
        Assert.Equal(["""{"return": {}}""", """{"return": {}}"""], rest.Split('\n')[1..]);
    }

    /// <summary>A daemon that listens.</summary>
    private static async Task<ServerProcess> StartDaemonAsync()
    {
        ServerProcess server = ServerProcess.Start(DaemonProgram.Find(), ["-machine", "none", "-S"], new ScratchDirectory());
        using var probe = await server.ConnectAsync(CancellationToken.None);
        return server;
    }
}
