using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using Hostmemd.Daemon.Tests.Processes;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using Xunit;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>The keeper starts the daemon again; and memory that only a borrower has any more.</summary>
public sealed class RestartTests
{
    [Fact]
    public async Task The_keeper_starts_the_daemon_again_each_time()
    {
        await using var folder = new KeptFolder();
        await using var daemon = await folder.StartAsync("-accel none -keep process,restart=on -pidfile " + folder.Path + "/pid");
        await using (var client = await daemon.ConnectAsync())
            await SuccessorTests.AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "m", "size": 4096}""");
        var pid = daemon.Pid;
        for (var round = 0; round < 3; round++)
        {
            Assert.Equal(0, LibC.kill(pid, DaemonFixture.SigKill));
            var killed = pid;
            await Eventually.TrueAsync(() => PidIn(folder) is { } next && next != killed && Answers(daemon), () => "a successor");
            pid = PidIn(folder)!.Value;
            await using var client = await daemon.ConnectAsync();
            Assert.Contains("\"m\"", await client.QueryAsync("query-memdev"), StringComparison.Ordinal);
            // By pidof and ps it is found as the one before, and the keeper is not taken for it.
            Assert.Equal(("hostmemd", "hostmemd"), NamesOf(pid));
            Assert.Equal(("hostmemd-keeper", "hostmemd-keeper"), NamesOf(ParentOf(pid)));
        }
        await using (var client = await daemon.ConnectAsync())
            await client.SendAsync("""{"execute": "quit"}""");
        await Eventually.TrueAsync(() => Directory.GetFileSystemEntries(folder.Path).Length == 0, () => "nothing is left");
    }

    [Fact]
    public async Task What_a_borrower_has_is_taken_from_it_when_daemon_and_keeper_are_gone_and_the_rest_is_named()
    {
        await using var folder = new KeptFolder();
        using var lent = await BorrowAsync(folder);
        await using var successor = await folder.StartAsync("-accel none");
        await using var after = await successor.ConnectAsync();
        var left = JsonDocument.Parse(await after.QueryAsync("query-memdev")).RootElement;
        Assert.Equal("m", Assert.Single(left.EnumerateArray()).GetProperty("id").GetString());
        await Eventually.TrueAsync(() => successor.Log.Contains("/objects/n of 4096 bytes is lost", StringComparison.Ordinal), () => successor.Log);
        var loans = JsonDocument.Parse(await after.QueryAsync("query-memory-loans")).RootElement[0];
        Assert.Equal("held", loans.GetProperty("state").GetString());
        Assert.Equal(Environment.ProcessId, loans.GetProperty("borrowers")[0].GetProperty("pid").GetInt32());
        await after.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", """{"error": "$any"}""");
    }

    [Fact]
    public async Task A_descriptor_of_any_process_can_be_named()
    {
        await using var folder = new KeptFolder();
        using var lent = await BorrowAsync(folder, isForgotten: true);
        var number = ((int)lent.DangerousGetHandle()).ToString(CultureInfo.InvariantCulture);
        var pid = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        var (status, _, error) = await DaemonFixture.RunToEndAsync("-accel", "none", "-qmp", $"unix:{folder.Path}/qmp", "-adopt", $"{pid}:1");
        Assert.Equal(1, status);
        Assert.Contains($"-adopt {pid}:1: the record names no such memory", error, StringComparison.Ordinal);

        await using var successor = await folder.StartAsync($"-accel none -adopt {pid}:{number}");
        await using var after = await successor.ConnectAsync();
        Assert.Contains("\"m\"", await after.QueryAsync("query-memdev"), StringComparison.Ordinal);
        Assert.NotNull(KeptFolder.KeeperOf(successor));
    }

    /// <summary>A daemon with two backends is killed, and its keeper; this process has borrowed the one called m.</summary>
    /// <param name="isForgotten">Nothing says so.</param>
    private static async Task<SafeFileHandle> BorrowAsync(KeptFolder folder, bool isForgotten = false)
    {
        await using var daemon = await folder.StartAsync("-accel none");
        await using var client = await QmpClient.ConnectAsync(daemon.Socket);
        await client.NegotiateAsync();
        await SuccessorTests.AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "m", "size": 4096}""");
        await SuccessorTests.AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "n", "size": 4096}""");
        var (_, descriptors) = await client.RequestDescriptorAsync("m");
        var keeper = KeptFolder.KeeperOf(daemon)!.Value;
        await daemon.CrashAsync();
        Assert.Equal(0, LibC.kill(keeper, DaemonFixture.SigKill));
        if (isForgotten)
        {
            // The last line says that it was lent.
            var lines = await File.ReadAllLinesAsync(folder.Paths.Record);
            Assert.Contains("borrowers", lines[^1], StringComparison.Ordinal);
            await File.WriteAllTextAsync(folder.Paths.Record, string.Join('\n', lines[..^1]) + "\n");
        }
        return Assert.Single(descriptors);
    }

    /// <summary>What the kernel calls a process, and the first word of its command line.</summary>
    private static (string Comm, string Argument) NamesOf(int pid) =>
        (File.ReadAllText($"/proc/{pid}/comm").Trim(), File.ReadAllText($"/proc/{pid}/cmdline").Split('\0')[0]);

    private static int ParentOf(int pid) => int.Parse(
        File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith("PPid:", StringComparison.Ordinal))["PPid:".Length..], CultureInfo.InvariantCulture);

    private static int? PidIn(KeptFolder folder)
    {
        try
        {
            return int.TryParse(File.ReadAllText(folder.Path + "/pid"), CultureInfo.InvariantCulture, out var pid) ? pid : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Whether somebody listens on its socket.</summary>
    internal static bool Answers(DaemonFixture daemon)
    {
        using var socket = new Socket(
            AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(daemon.Socket));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
