using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Hostmemd.Daemon.Tests.Processes.Upgrades;
using Tmds.Linux;
using Xunit;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>The program as a service manager starts it: sockets handed over, and what it is told on its own.</summary>
public sealed class ServiceTests
{
    /// <summary>Makes sockets on the paths, hands them over from descriptor 3 on, and becomes the program. Source: man 3 sd_listen_fds.</summary>
    private const string Activation =
        """
        import os, socket, sys
        paths = sys.argv[1].split(":")
        for i, path in enumerate(paths):
            s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(8)
            os.dup2(s.fileno(), 100 + i)
        for i in range(len(paths)):
            os.dup2(100 + i, 3 + i); os.close(100 + i)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(paths)), LISTEN_FDNAMES=sys.argv[2])
        open(paths[0] + ".listens", "w").close()
        os.execv(sys.argv[3], sys.argv[3:])
        """;

    [Fact]
    public async Task Sockets_that_are_handed_over_are_listened_on()
    {
        await using var service = await Service.StartAsync("{dir}/a:{dir}/b", "hostmemd.socket:readonly", ("NOTIFY_SOCKET", null));
        await using var client = await (await QmpClient.ConnectAsync(service.Directory + "/a")).NegotiateAsync();
        await using var reader = await (await QmpClient.ConnectAsync(service.Directory + "/b")).NegotiateAsync();

        await client.ExchangeAsync(
            """{"execute": "query-chardev"}""",
            $$"""
            {"return": [
              {"frontend-open": true, "filename": "unix:{{service.Directory}}/a,server=on", "label": "compat_monitor0"},
              {"frontend-open": true, "filename": "unix:{{service.Directory}}/b,server=on", "label": "compat_monitor1"}]}
            """);
        Assert.True((await reader.AskAsync("""{"execute": "stop"}""")).TryGetProperty("error", out _));
        // Close-on-exec from now on, and the files are not ours to remove.
        Assert.All((int[])[3, 4], number => Assert.False(File.Exists($"/proc/{service.Pid}/fd/{number}") && IsInherited(service.Pid, number)));
        Assert.Equal(0, await service.EndAsync());
        Assert.True(File.Exists(service.Directory + "/a") && File.Exists(service.Directory + "/b"));
    }

    [Fact]
    public async Task Sockets_that_were_handed_over_go_on_over_upgrades_with_their_clients_and_no_other_is_made()
    {
        await using var service = await Service.StartAsync("{dir}/a:{dir}/b", "hostmemd.socket:readonly", ("NOTIFY_SOCKET", null));
        await using var client = await (await QmpClient.ConnectAsync(service.Directory + "/a")).NegotiateAsync();
        await using var reader = await (await QmpClient.ConnectAsync(service.Directory + "/b")).NegotiateAsync();
        var sockets = await reader.QueryAsync("query-chardev");

        for (var i = 0; i < 2; i++)
        {
            await Upgrade.ChooseAsync(client, [DaemonFixture.Program, "-accel", "none", "-name", $"vm{i}"]);
            await Upgrade.RunAsync(client);
            Assert.Equal($$"""{"name": "vm{{i}}"}""", await reader.QueryAsync("query-name"));
        }

        Assert.Equal(sockets, await reader.QueryAsync("query-chardev"));
        Assert.True((await reader.AskAsync("""{"execute": "stop"}""")).TryGetProperty("error", out _));
        await using var late = await (await QmpClient.ConnectAsync(service.Directory + "/b")).NegotiateAsync();
        Assert.True((await late.AskAsync("""{"execute": "stop"}""")).TryGetProperty("error", out _));
        Assert.Equal(0, await service.EndAsync());
        Assert.True(File.Exists(service.Directory + "/a") && File.Exists(service.Directory + "/b"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task It_tells_when_it_is_ready_that_it_lives_and_that_it_ends(bool abstractName)
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-").FullName;
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint((abstractName ? "\0" : "") + directory + "/notify"));
        var alive = Stopwatch.StartNew();
        await using var service = await Service.StartAsync(
            "{dir}/a", "", ("NOTIFY_SOCKET", (abstractName ? "@" : "") + directory + "/notify"), ("WATCHDOG_USEC", "100000"));

        Assert.Equal($"READY=1\nSTATUS=Listening on {service.Directory}/a", await ReceiveAsync(manager));
        for (var i = 0; i < 12; i++)
            Assert.Equal("WATCHDOG=1", await ReceiveAsync(manager));
        // The first at once, the others every 50 ms: twice in each interval.
        Assert.True(alive.Elapsed >= TimeSpan.FromMilliseconds(500), $"{alive.Elapsed}");

        Assert.Equal(0, LibC.kill(service.Pid, DaemonFixture.SigTerm));
        string word;
        do
            word = await ReceiveAsync(manager);
        while (word == "WATCHDOG=1");
        Assert.Equal("STOPPING=1\nSTATUS=Ending: host-signal", word);
        Assert.Equal(0, await service.EndAsync());
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_watchdog_of_another_process_and_a_manager_that_is_gone_are_no_trouble()
    {
        await using var service = await Service.StartAsync(
            "{dir}/a", "", ("NOTIFY_SOCKET", "/nonexistent/notify"), ("WATCHDOG_USEC", "1000"), ("WATCHDOG_PID", "1"));
        await using var client = await (await QmpClient.ConnectAsync(service.Directory + "/a")).NegotiateAsync();
        Assert.Equal(0, await service.EndAsync());
    }

    /// <summary>Without O_CLOEXEC in its flags, which are octal (man 5 proc_pid_fdinfo).</summary>
    private static bool IsInherited(int pid, int number) =>
        (Convert.ToInt32(File.ReadLines($"/proc/{pid}/fdinfo/{number}").First(line => line.StartsWith("flags:", StringComparison.Ordinal))[6..].Trim(), 8) & 0x80000) == 0;

    private static async Task<string> ReceiveAsync(Socket socket)
    {
        using var limit = new CancellationTokenSource(QmpClient.Patience);
        var buffer = new byte[4096];
        return Encoding.UTF8.GetString(buffer, 0, await socket.ReceiveAsync(buffer, SocketFlags.None, limit.Token));
    }

    private sealed class Service(string directory, Process process) : IAsyncDisposable
    {
        public string Directory { get; } = directory;

        public int Pid => process.Id;

        public static async Task<Service> StartAsync(string paths, string names, params (string Name, string? Value)[] environment)
        {
            var directory = System.IO.Directory.CreateTempSubdirectory("hostmemd-").FullName;
            var start = new ProcessStartInfo("python3",
                ["-c", Activation, paths.Replace("{dir}", directory, StringComparison.Ordinal), names, DaemonFixture.Program, "-accel", "none"])
            { RedirectStandardError = true };
            foreach (var (name, value) in environment)
                start.Environment[name] = value;
            var process = Process.Start(start)!;
            while (!File.Exists(directory + "/a.listens") && !process.HasExited)
                await Task.Delay(5);
            return new Service(directory, process);
        }

        /// <returns>The exit status.</returns>
        public async Task<int> EndAsync()
        {
            _ = LibC.kill(Pid, DaemonFixture.SigTerm);
            using var limit = new CancellationTokenSource(QmpClient.Patience);
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode;
        }

        public async ValueTask DisposeAsync()
        {
            await EndAsync();
            process.Dispose();
            System.IO.Directory.Delete(Directory, recursive: true);
        }
    }
}
