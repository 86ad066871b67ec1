using System.Diagnostics;
using System.Globalization;
using Tmds.Linux;
using Xunit;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>-daemonize: who started the program knows how its start went, and is then rid of it.</summary>
public sealed class DaemonizeTests
{
    [Fact]
    public async Task What_cannot_be_started_is_told_by_the_one_that_was_started()
    {
        var (exitCode, output, error) = await DaemonFixture.RunToEndAsync(
            "-daemonize", "-accel", "none", "-qmp", "unix:/nonexistent/qmp", "-object", "memory-backend-ram,id=m,size=1M");

        Assert.Equal((1, ""), (exitCode, output));
        Assert.Equal("hostmemd: -qmp unix:/nonexistent/qmp: Failed to bind socket to /nonexistent/qmp: No such file or directory\n", error);
    }

    [Fact]
    public async Task A_wrong_option_starts_nothing()
    {
        var (exitCode, _, error) = await DaemonFixture.RunToEndAsync("-daemonize", "-zzz");

        Assert.Equal((1, "hostmemd: -zzz: invalid option\n"), (exitCode, error));
    }

    [Fact]
    public async Task It_is_away_from_terminal_and_folder_and_still_removes_its_files()
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-").FullName;
        try
        {
            var start = new ProcessStartInfo(DaemonFixture.Program, ["-daemonize", "-accel", "none", "-qmp", "unix:qmp", "-pidfile", "pid", "-D", "log"])
            {
                WorkingDirectory = directory,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using var parent = Process.Start(start)!;
            Assert.Equal("", await parent.StandardError.ReadToEndAsync() + await parent.StandardOutput.ReadToEndAsync());
            await parent.WaitForExitAsync();
            Assert.Equal(0, parent.ExitCode);

            var pid = int.Parse(await File.ReadAllTextAsync(directory + "/pid"), CultureInfo.InvariantCulture);
            Assert.NotEqual(parent.Id, pid);
            Assert.Equal("/", new FileInfo($"/proc/{pid}/cwd").LinkTarget);
            for (var stream = 0; stream < 3; stream++)
                Assert.Equal("/dev/null", new FileInfo($"/proc/{pid}/fd/{stream}").LinkTarget);
            // Sixth and eighth: its session, its terminal (man 5 proc_pid_stat).
            var fields = (await File.ReadAllTextAsync($"/proc/{pid}/stat")).Split(") ")[^1].Split(' ');
            Assert.Equal((pid.ToString(CultureInfo.InvariantCulture), "0"), (fields[3], fields[4]));

            // Connecting by a path from here, as the daemon was given it.
            await using var client = await (await QmpClient.ConnectAsync(directory + "/qmp")).NegotiateAsync();
            await client.ExchangeAsync("""{"execute": "quit"}""", """{"timestamp": "$timestamp", "event": "SHUTDOWN", "data": "$any"}""");
            await client.ExpectAsync("""{"return": {}}""");
            Assert.Null(await client.TryReceiveAsync());
            // The log is written by a thread of its own, to the very end of the process.
            await Eventually.TrueAsync(() => !Children.Runs(pid), () => $"process {pid} goes on after its quit");
            Assert.Equal(["log"], Directory.GetFiles(directory).Select(Path.GetFileName));
            Assert.Contains("Ending: host-qmp-quit", await File.ReadAllTextAsync(directory + "/log"), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task One_that_is_killed_while_it_starts_is_told_too()
    {
        var (status, told) = (0, "");
        await MeasuredRounds.UntilAsync(least: 1, async () =>
        {
            (status, told) = await KillWhileItStartsAsync();
            return status != 0;
        });
        Assert.Equal((1, "hostmemd: -daemonize: the daemon ended before it was ready\n"), (status, told));
    }

    /// <returns>The exit status of who started it, and what that one said; 0: it was ready before it was killed.</returns>
    private static async Task<(int Status, string Told)> KillWhileItStartsAsync()
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-").FullName;
        try
        {
            using var parent = Process.Start(new ProcessStartInfo(DaemonFixture.Program,
                [
                    "-daemonize", "-accel", "none", "-keep", "none", "-qmp", $"unix:{directory}/qmp",
                    "-object", "memory-backend-memfd,id=m,size=8G,prealloc=on",
                ])
            { RedirectStandardError = true })!;
            IReadOnlyList<int> children = [];
            await Eventually.TrueAsync(() => (children = Children.Of(parent.Id)).Count > 0 && File.Exists(directory + "/qmp"), () => "no socket");
            foreach (var child in children)
                Assert.Equal(0, LibC.kill(child, DaemonFixture.SigKill));

            var told = await parent.StandardError.ReadToEndAsync();
            await parent.WaitForExitAsync();
            return (parent.ExitCode, told);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
