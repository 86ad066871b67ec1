using System.Diagnostics;
using System.Globalization;

namespace Hostmemd.QmpShell.Tests;

/// <summary>The shell on a terminal.</summary>
public sealed class TerminalTests
{
    private const string Prompt = "(hostmemd) ";
    private const string Tab = "\t";
    private const string CtrlA = "\x01";
    private const string CtrlC = "\x03";
    private const string CtrlD = "\x04";
    private const string CtrlR = "\x12";
    private const string Escape = "\x1b";
    private const string Left = "\x1b[D";
    private const string Backspace = "\x7f";

    [Theory]
    [InlineData("query-ver", "query-version ")]
    [InlineData("object-add qom", "object-add qom-type=")]
    [InlineData("object-add qom-type=memory-backend-mem", "object-add qom-type=memory-backend-memfd ")]
    [InlineData("object-add qom-type=memory-backend-memfd guest", "object-add qom-type=memory-backend-memfd guest-memfd=")]
    [InlineData("object-add qom-type=memory-backend-ram share=of", "object-add qom-type=memory-backend-ram share=off ")]
    [InlineData("event-subscribe events=EVENTS_LOST,MEMORY_LO", "event-subscribe events=EVENTS_LOST,MEMORY_LOAN_CHANGE ")]
    [InlineData("object-del me", "object-del mem0")]
    [InlineData("object-del id=me", "object-del id=mem0 ")]
    [InlineData("query-memory-loans memdev=m", "query-memory-loans memdev=mem0 ")]
    [InlineData("qom-get path=/obj", "qom-get path=/objects")]
    [InlineData("qom-get path=/objects/mem0 property=pol", "qom-get path=/objects/mem0 property=policy ")]
    [InlineData("device-list-properties pc-d", "device-list-properties pc-dimm")]
    [InlineData("device_add driver=pc-dimm memd", "device_add driver=pc-dimm memdev=")]
    [InlineData("help query-ver", "help query-version ")]
    [InlineData("id=1 oob query-y", "id=1 oob query-yank ")]
    public async Task Tab_completes(string typed, string completed)
    {
        await using ServerProcess server = await Servers.StartDaemonAsync("-M", "none", "-object", "memory-backend-ram,id=mem0,size=2M");
        using TerminalShell shell = TerminalShell.Start(server.SocketPath);
        await shell.ShowsAsync(Prompt);

        shell.Type(typed + Tab);

        await shell.ShowsAsync(Prompt + completed);
    }

    [Fact]
    public async Task A_second_tab_lists_what_there_is()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();
        using TerminalShell shell = TerminalShell.Start(server.SocketPath);
        await shell.ShowsAsync(Prompt);

        shell.Type("object-add qom-type=memory-backend-ram share=" + Tab);
        await shell.ShowsAsync(Prompt + "object-add qom-type=memory-backend-ram share=o");
        shell.Type(Tab);

        await shell.HasAsync("off  on");
        await shell.ShowsAsync(Prompt + "object-add qom-type=memory-backend-ram share=o");
    }

    [Fact]
    public async Task An_event_stands_above_the_line_that_is_typed()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();
        using TerminalShell shell = TerminalShell.Start(server.SocketPath);
        await shell.ShowsAsync(Prompt);

        shell.Type("query-na");
        await shell.ShowsAsync(Prompt + "query-na");
        await ShellProcess.RunAsync("", server.SocketPath, "-c", "cont");
        await shell.UntilAsync(screen => screen.Row > 0 && screen.Rows[screen.Row - 1].Contains("\"RESUME\"", StringComparison.Ordinal)
            || (screen.Row > 1 && screen.Rows[screen.Row - 2].Contains("RESUME", StringComparison.Ordinal)), "the event");
        await shell.ShowsAsync(Prompt + "query-na");
        shell.Type("me\r");

        await shell.HasAsync(Prompt + "query-name");
        await shell.HasAsync("""{"return": {}}""");
        await shell.ShowsAsync(Prompt);
    }

    [Fact]
    public async Task Ctrl_c_gives_up_the_line_and_the_shell_goes_on()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();
        using TerminalShell shell = TerminalShell.Start(server.SocketPath);
        await shell.ShowsAsync(Prompt);

        shell.Type("quit");
        await shell.ShowsAsync(Prompt + "quit");
        shell.Type(CtrlC);
        await shell.ShowsAsync(Prompt);
        shell.Type("query-name\r");
        await shell.HasAsync("""{"return": {}}""");
        await shell.ShowsAsync(Prompt);
        shell.Type(CtrlD);

        Assert.Equal(0, await shell.EndAsync());
        Assert.DoesNotContain("   at ", shell.Raw, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_c_gives_up_waiting_for_an_answer()
    {
        using var server = new ScriptedServer();
        using TerminalShell shell = TerminalShell.Start(server.SocketPath);
        Task serving = server.ServeAsync(async client =>
        {
            await ScriptedServer.WriteAsync(client, """{"QMP": {}}""");
            await ScriptedServer.ReadLineAsync(client);
            await ScriptedServer.WriteAsync(client, """{"return": {}, "id": 2}""");
            for (string line = ""; !line.Contains("slow", StringComparison.Ordinal);)
                line = await ScriptedServer.ReadLineAsync(client);
            shell.Type(CtrlC);
            await ScriptedServer.ReadLineAsync(client);
        });
        await shell.ShowsAsync("(QEMU) ");

        shell.Type("slow\r");
        await shell.UntilAsync(screen => screen.Current == "(QEMU)" && screen.Rows.Contains("(QEMU) slow"), "a prompt again");
        shell.Type("x\r");
        await serving;

        await shell.HasAsync("qmp-shell: the server closed the connection");
        Assert.Equal(1, await shell.EndAsync());
    }

    [Fact]
    public async Task A_server_that_dies_is_told_and_the_terminal_is_as_it_was()
    {
        ServerProcess server = await Servers.StartDaemonAsync();
        using TerminalShell shell = TerminalShell.Start(server.SocketPath);
        await shell.ShowsAsync(Prompt);
        shell.Type("half a li");
        await shell.ShowsAsync(Prompt + "half a li");

        await server.DisposeAsync();

        await shell.HasAsync("qmp-shell: the server closed the connection");
        Assert.Equal(1, await shell.EndAsync());
        Assert.DoesNotContain("   at ", shell.Raw, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wide_characters_and_marks_are_edited_whole()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();
        using TerminalShell shell = TerminalShell.Start(server.SocketPath);
        await shell.ShowsAsync(Prompt);

        shell.Type("id=日本語e\u0301🙂");
        await shell.ShowsAsync(Prompt + "id=日本語e\u0301🙂", Prompt.Length + 3 + 6 + 1 + 2);
        shell.Type(Backspace + Backspace);
        await shell.ShowsAsync(Prompt + "id=日本語", Prompt.Length + 3 + 6);
        shell.Type(Left + Left + Backspace);
        await shell.ShowsAsync(Prompt + "id=本語", Prompt.Length + 3);
        shell.Type(CtrlA);
        await shell.ShowsAsync(Prompt + "id=本語", Prompt.Length);
        shell.Type("\x05 query-name\r");

        await shell.HasAsync("""{"return": {}, "id": "本語"}""");
    }

    [Fact]
    public async Task A_line_longer_than_the_terminal_goes_on_in_the_next_row()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();
        using TerminalShell shell = TerminalShell.Start(server.SocketPath);
        await shell.ShowsAsync(Prompt);

        // 11 columns of prompt, 68 of x: a wide character finds one column and takes the next row.
        shell.Type(new string('x', 68) + "語y");
        await shell.ShowsAsync("語y", 3);
        shell.Type(CtrlA + "z");
        await shell.ShowsAsync(Prompt + "z" + new string('x', 68), Prompt.Length + 1);

        await shell.UntilAsync(screen => screen.Rows[screen.Row + 1] == "語y", "the second row");
    }

    [Fact]
    public async Task A_dumb_terminal_gets_text_alone()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();
        using TerminalShell shell = TerminalShell.StartDumb(server.SocketPath);
        await shell.ShowsAsync(Prompt);

        shell.Type("query-name\n");
        await shell.HasAsync("""{"return": {}}""");
        await shell.ShowsAsync(Prompt);
        await ShellProcess.RunAsync("", server.SocketPath, "-c", "cont");
        await shell.UntilAsync(screen => screen.Rows.Any(row => row.Contains("RESUME", StringComparison.Ordinal)), "the event");
        await shell.ShowsAsync(Prompt);
        shell.Type(CtrlD);

        Assert.Equal(0, await shell.EndAsync());
        Assert.DoesNotContain(Escape, shell.Raw, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_server_has_a_history_that_can_be_searched()
    {
        await using ServerProcess one = await Servers.StartDaemonAsync();
        await using ServerProcess other = await Servers.StartDaemonAsync();
        using var home = new ScratchDirectory();
        using (TerminalShell first = TerminalShell.StartAt(home.Path, one.SocketPath))
        {
            await first.ShowsAsync(Prompt);
            first.Type("query-version\rquery-name\r" + CtrlD);
            Assert.Equal(0, await first.EndAsync());
        }

        using TerminalShell again = TerminalShell.StartAt(home.Path, one.SocketPath);
        await again.ShowsAsync(Prompt);
        again.Type(CtrlR + "ver");
        await again.UntilAsync(screen => screen.Current == "(search)'ver': query-version", "what was searched");
        again.Type("\r");
        await again.UntilAsync(screen => screen.Rows.Any(row => row.StartsWith("""{"return": {"qemu": """, StringComparison.Ordinal)), "the answer");
        again.Type("\x1b[A\x1b[A");
        await again.ShowsAsync(Prompt + "query-name");

        using TerminalShell stranger = TerminalShell.StartAt(home.Path, other.SocketPath);
        await stranger.ShowsAsync(Prompt);
        stranger.Type("\x1b[Ax");
        await stranger.ShowsAsync(Prompt + "x");
    }

    [Fact]
    public async Task Vi_keys_are_taken_where_they_are_asked_for()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();
        using TerminalShell shell = TerminalShell.Start("--vi", server.SocketPath);
        await shell.ShowsAsync(Prompt);

        shell.Type("query one two" + Escape);
        await shell.ShowsAsync(Prompt + "query one two", Prompt.Length + 12);
        shell.Type("bcwthree" + Escape);
        await shell.ShowsAsync(Prompt + "query one three", Prompt.Length + 14);
        shell.Type("02wd$");
        await shell.ShowsAsync(Prompt + "query one ", Prompt.Length + 9);
        shell.Type("u0fyx");
        await shell.ShowsAsync(Prompt + "quer one three", Prompt.Length + 4);
    }

    [Fact]
    public async Task Help_tells_what_a_command_takes()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();

        var (status, output, _) = await ShellProcess.RunAsync(
            "", server.SocketPath, "-c", "help object-add qom-type=memory-backend-memfd", "-c", "help");

        Assert.Equal(0, status);
        string[] lines = output.Split('\n');
        Assert.Equal("object-add", lines[0]);
        Assert.Contains("  id=STRING", lines);
        Assert.Contains("  size=INTEGER", lines);
        Assert.Contains("  guest-memfd=on|off (optional) (hostmemd)", lines);
        Assert.Contains(lines, line => line.Contains("memory-backend-send-fd", StringComparison.Ordinal));
        Assert.Equal(1, (await ShellProcess.RunAsync("", server.SocketPath, "-c", "help nonsense")).Status);
    }

    [Fact]
    public async Task Stopped_and_continued_the_line_is_there_again()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();
        using TerminalShell shell = TerminalShell.Start(server.SocketPath);
        await shell.ShowsAsync(Prompt);
        shell.Type("query-na");
        await shell.ShowsAsync(Prompt + "query-na");

        using (Process stop = Process.Start("kill", ["-CONT", shell.Id.ToString(CultureInfo.InvariantCulture)]))
            await stop.WaitForExitAsync();
        shell.Type("me\r");

        await shell.HasAsync("""{"return": {}}""");
    }
}
