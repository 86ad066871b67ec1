using System.Globalization;

namespace Hostmemd.QmpShell.Tests;

/// <summary>The built shell with a command line that says what to do: commands, a file of them, events to wait for.</summary>
public sealed class ScriptTests
{
    private const string Ok = """{"return": {}}""";

    [Theory]
    [InlineData(0, "query-name", "cont")]
    [InlineData(1, "query-name", "nonsense", "cont")]
    public async Task Commands_of_the_command_line_end_with_the_first_that_fails(int status, params string[] commands)
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();

        var (got, output, errors) = await ShellProcess.RunAsync("", [server.SocketPath, .. commands.SelectMany(command => new[] { "-c", command })]);

        Assert.Equal((status, ""), (got, errors));
        Assert.Equal(status == 0, output.Contains("RESUME", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_script_may_go_on_and_wait_for_events()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();
        using var directory = new ScratchDirectory();
        string script = await WriteAsync(directory, "nonsense\nquery-name\ncont\n");

        Assert.Equal(1, (await ShellProcess.RunAsync("", server.SocketPath, "-k", "-f", script, "--wait", "RESUME", "--timeout", "20")).Status);
        Assert.Equal(
            (1, "", "qmp-shell: no event RESUME within 5 s"),
            await ShellProcess.RunAsync("", server.SocketPath, "--wait", "RESUME", "--timeout", "5"));
    }

    [Fact]
    public async Task An_event_may_be_awaited_by_its_data()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();

        var (status, output, _) = await ShellProcess.RunAsync(
            "", server.SocketPath, "-c", "object-add qom-type=memory-backend-memfd id=m0 size=4M",
            "-c", "memory-backend-prealloc job-id=j0 memdev=m0 auto-dismiss=on",
            "--wait", "JOB_STATUS_CHANGE id=j0 status=null", "--timeout", "20", "--json");

        Assert.Equal(0, status);
        Assert.Contains("\"status\": \"null\"", output.Split('\n')[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_step_of_a_transcript_takes_no_longer_than_it_may()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();
        using var directory = new ScratchDirectory();
        string transcript = await WriteAsync(directory, "<- {\"QMP\": \"$any\"}\n<- {\"return\": {}}\n");

        var (status, _, errors) = await ShellProcess.RunAsync("", "--play", transcript, "--timeout", "6", server.SocketPath);

        Assert.Equal(1, status);
        Assert.StartsWith("qmp-shell: line 2: nothing came within 6 s", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_signal_ends_a_script_and_what_it_wrapped()
    {
        using ShellProcess shell = ShellProcess.Start("--wrap", "--wait", "STOP", "--json", "-c", "query-name");
        Assert.Equal(Ok, await shell.NextLineAsync());

        using var kill = System.Diagnostics.Process.Start("kill", ["-TERM", shell.Id.ToString(CultureInfo.InvariantCulture)]);

        Assert.Equal((130, "", ""), await shell.EndAsync(endInput: false));
    }

    private static async Task<string> WriteAsync(ScratchDirectory directory, string text)
    {
        string file = Path.Combine(directory.Path, "script");
        await File.WriteAllTextAsync(file, text);
        return file;
    }
}
