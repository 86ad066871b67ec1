using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Tmds.Linux;
using Xunit;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>How the process ends, and what it leaves behind.</summary>
public sealed class EndTests
{
    /// <summary>The signals that end the daemon, less those that whoever started the tests ignores (nohup does): they stay ignored in a child.</summary>
    public static TheoryData<int> EndingSignals()
    {
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal));
        var ignored = ulong.Parse(line["SigIgn:".Length..], NumberStyles.AllowLeadingWhite | NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return [.. new[] { DaemonFixture.SigTerm, DaemonFixture.SigInt, DaemonFixture.SigHup }.Where(signal => (ignored >> (signal - 1) & 1) == 0)];
    }

    [Theory]
    [MemberData(nameof(EndingSignals))]
    public Task A_signal_ends_it_in_order(int signal) => DaemonFixture.RunAsync("-pidfile {dir}/pid", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        Assert.Equal(daemon.Pid.ToString(CultureInfo.InvariantCulture), (await File.ReadAllTextAsync(daemon.Directory + "/pid")).Trim());

        daemon.Signal(signal);

        await client.ExpectAsync("""{"timestamp": "$timestamp", "event": "SHUTDOWN", "data": {"guest": false, "reason": "host-signal"}}""");
        Assert.Null(await client.TryReceiveAsync());
        Assert.Equal(0, await daemon.WaitForExitAsync());
        Assert.Empty(Directory.GetFileSystemEntries(daemon.Directory));
    });

    [Fact]
    public Task A_signal_while_it_starts_ends_it_at_once_and_leaves_no_file() =>
        MeasuredRounds.WithinAsync(TimeSpan.FromSeconds(2), EndWhileItStartsAsync);

    /// <returns>How long it took, if it was starting still.</returns>
    private static async Task<TimeSpan> EndWhileItStartsAsync()
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-").FullName;
        try
        {
            // Some seconds of work, with the socket there all the while.
            using var process = Process.Start(new ProcessStartInfo(DaemonFixture.Program,
                [
                    "-accel", "none", "-qmp", $"unix:{directory}/qmp", "-pidfile", $"{directory}/pid",
                    "-object", "memory-backend-memfd,id=m,size=8G,prealloc=on",
                ])
            { RedirectStandardError = true })!;
            await using var early = await ConnectSoonAsync(directory + "/qmp");

            Assert.Equal(0, LibC.kill(process.Id, DaemonFixture.SigTerm));

            var clock = Stopwatch.StartNew();
            await process.WaitForExitAsync(new CancellationTokenSource(QmpClient.Patience).Token);
            var took = clock.Elapsed;
            Assert.Equal(0, process.ExitCode);
            Assert.Empty(Directory.GetFileSystemEntries(directory));
            // Who came early was never accepted then.
            return await Record.ExceptionAsync(early.TryReceiveAsync) is IOException ? took : TimeSpan.MaxValue;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public Task Quit_is_answered_before_the_end() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();

        await client.SendAsync("""{"execute": "quit", "id": 1}""");

        await client.ExpectAsync("""{"timestamp": "$timestamp", "event": "SHUTDOWN", "data": {"guest": false, "reason": "host-qmp-quit"}}""");
        await client.ExpectAsync("""{"return": {}, "id": 1}""");
        Assert.Null(await client.TryReceiveAsync());
        Assert.Equal(0, await daemon.WaitForExitAsync());
        Assert.Empty(Directory.GetFileSystemEntries(daemon.Directory));
    });

    [Fact]
    public Task A_client_that_takes_nothing_does_not_keep_it_from_ending_nor_does_a_second_signal() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        for (var i = 0; i < 200; i++)
            await client.SendAsync("""{"execute": "query-qmp-schema"}""");

        daemon.Signal(DaemonFixture.SigTerm);
        // It still waits for that client when the second one comes.
        daemon.Signal(DaemonFixture.SigInt);

        Assert.Equal(0, await daemon.WaitForExitAsync());
    });

    [Fact]
    public Task A_socket_of_the_same_name_that_is_anothers_by_now_is_not_removed() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        File.Move(daemon.Socket, daemon.Socket + ".old");
        using (var other = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            other.Bind(new UnixDomainSocketEndPoint(daemon.Socket));
            other.Listen();
            daemon.Signal(DaemonFixture.SigTerm);
            Assert.Equal(0, await daemon.WaitForExitAsync());

            Assert.True(File.Exists(daemon.Socket), "the other's socket file is gone");
            using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await client.ConnectAsync(new UnixDomainSocketEndPoint(daemon.Socket));
        }
    });

    [Fact]
    public Task A_stale_socket_is_replaced() => DaemonFixture.RunAsync("-accel none", async first =>
    {
        await using (await first.ConnectAsync())
            first.Signal(DaemonFixture.SigKill);
        Assert.NotEqual(0, await first.WaitForExitAsync());
        Assert.True(File.Exists(first.Socket), "a process that was killed leaves its socket file");

        await DaemonFixture.RunAsync($"-accel none -qmp unix:{first.Socket} -qmp unix:{{dir}}/qmp", async second =>
        {
            await using var client = await second.ConnectAsync(first.Socket);
            await client.ExchangeAsync("""{"execute": "query-name"}""", """{"return": {}}""");
        });
        Assert.False(File.Exists(first.Socket));
    });

    [Fact]
    public Task Where_somebody_listens_a_second_one_fails_in_qemus_form_and_disturbs_nobody() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        var (exitCode, output, error) = await DaemonFixture.RunToEndAsync("-accel", "none", "-qmp", $"unix:{daemon.Socket}");

        Assert.Equal((1, ""), (exitCode, output));
        Assert.EndsWith(
            $"hostmemd: -qmp unix:{daemon.Socket}: Failed to bind socket to {daemon.Socket}: Address already in use\n", error, StringComparison.Ordinal);
        Assert.True(File.Exists(daemon.Socket));
        await using var client = await daemon.ConnectAsync();
        await client.ExchangeAsync("""{"execute": "query-name"}""", """{"return": {}}""");
    });

    private static async Task<QmpClient> ConnectSoonAsync(string path)
    {
        for (var waited = Stopwatch.StartNew(); ; await Task.Delay(1))
        {
            try
            {
                return await QmpClient.ConnectAsync(path);
            }
            catch (SocketException) when (waited.Elapsed < QmpClient.Patience)
            {
                // Not there yet, or there and not listening yet.
            }
        }
    }
}
