using System.Globalization;
using Hostmemd.Daemon.Tests.Processes;
using Tmds.Linux;
using Xunit;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>The keeper: when it is there, when it ends, and what becomes of it.</summary>
public sealed class KeeperTests
{
    private const string Memfd = """{"qom-type": "memory-backend-memfd", "id": "m", "size": 4096}""";
    private const string Done = """{"return": {}}""";

    [Fact]
    public async Task It_comes_with_the_first_memory_that_can_be_kept_and_goes_with_the_daemon()
    {
        await using var folder = new KeptFolder();
        int keeper;
        await using (var daemon = await folder.StartAsync("-accel none"))
        {
            await using var client = await daemon.ConnectAsync();
            Assert.Null(KeptFolder.KeeperOf(daemon));
            await SuccessorTests.AddAsync(client, """{"qom-type": "memory-backend-ram", "id": "p", "size": 4096}""");
            Assert.Null(KeptFolder.KeeperOf(daemon));
            await SuccessorTests.AddAsync(client, Memfd);
            keeper = KeptFolder.KeeperOf(daemon) ?? throw new InvalidOperationException("no keeper");
            await Eventually.TrueAsync(() => ProcessResources.Count("memory-backend-memfd", keeper) == 1, () => "the keeper has it");
            await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", Done);
            await Eventually.TrueAsync(() => ProcessResources.Count("memory-backend-memfd", keeper) == 0, () => "the keeper has closed it");
            await SuccessorTests.AddAsync(client, Memfd);
            await client.SendAsync("""{"execute": "quit"}""");
            Assert.Equal(0, await daemon.WaitForExitAsync());
        }

        Assert.False(KeptFolder.IsKeeper(keeper));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Object_del_waits_for_it_where_there_are_pages_to_be_free_and_only_there()
    {
        await using var folder = new KeptFolder();
        await using var daemon = await folder.StartAsync("-accel none");
        await using var client = await daemon.ConnectAsync();
        await SuccessorTests.AddAsync(client, Memfd);
        await SuccessorTests.AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "written", "size": 4096, "prealloc": true}""");
        var keeper = KeptFolder.KeeperOf(daemon)!.Value;
        await Eventually.TrueAsync(() => ProcessResources.Count("memory-backend-memfd", keeper) == 2, () => "the keeper has both");
        Assert.Equal(0, LibC.kill(keeper, DaemonFixture.SigStop));

        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", Done);
        await client.SendAsync("""{"execute": "object-del", "arguments": {"id": "written"}}""");
        var answer = client.ReceiveAsync();
        Assert.NotSame(answer, await Task.WhenAny(answer, Task.Delay(200)));

        Assert.Equal(0, LibC.kill(keeper, DaemonFixture.SigCont));
        Assert.True((await answer).TryGetProperty("return", out _));
        Assert.Equal(0, ProcessResources.Count("memory-backend-memfd", keeper));
    }

    [Theory]
    [InlineData(DaemonFixture.SigTerm)]
    [InlineData(DaemonFixture.SigInt)]
    public async Task A_signal_that_ends_the_daemon_ends_it_too(int signal)
    {
        await using var folder = new KeptFolder();
        await using var daemon = await folder.StartAsync("-accel none -object memory-backend-memfd,id=m,size=4096");
        var keeper = KeptFolder.KeeperOf(daemon)!.Value;
        daemon.Signal(signal);
        Assert.Equal(0, await daemon.WaitForExitAsync());
        Assert.False(KeptFolder.IsKeeper(keeper));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task With_keep_none_there_is_none()
    {
        await using var folder = new KeptFolder();
        await using var daemon = await folder.StartAsync("-accel none -keep none -object memory-backend-memfd,id=m,size=4096");
        Assert.Null(KeptFolder.KeeperOf(daemon));
        await daemon.CrashAsync();
        await using var next = await folder.StartAsync("-accel none");
        await using var client = await next.ConnectAsync();
        Assert.Equal("[]", await client.QueryAsync("query-memdev"));
    }

    [Fact]
    public async Task Its_death_is_seen_and_another_has_everything()
    {
        await using var folder = new KeptFolder();
        await using (var daemon = await folder.StartAsync("-accel none"))
        {
            await using var client = await daemon.ConnectAsync();
            await SuccessorTests.AddAsync(client, Memfd);
            await SuccessorTests.AddAsync(client, Memfd.Replace("\"m\"", "\"n\"", StringComparison.Ordinal));
            var first = KeptFolder.KeeperOf(daemon)!.Value;
            Assert.Equal(0, LibC.kill(first, DaemonFixture.SigKill));
            await Eventually.TrueAsync(
                () => KeptFolder.KeeperOf(daemon) is { } second && second != first && ProcessResources.Count("memory-backend-memfd", second) == 2,
                () => "another keeper");
            var seen = string.Create(CultureInfo.InvariantCulture, $"The keeper (pid {first}) has ended");
            await Eventually.TrueAsync(() => daemon.Log.Contains(seen, StringComparison.Ordinal), () => daemon.Log);
            await daemon.CrashAsync();
        }
        await using var successor = await folder.StartAsync("-accel none");
        await using var after = await successor.ConnectAsync();
        var left = await after.QueryAsync("query-memdev");
        Assert.Contains("\"m\"", left, StringComparison.Ordinal);
        Assert.Contains("\"n\"", left, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_daemon_of_the_name_is_refused_even_where_the_socket_is_gone()
    {
        await using var folder = new KeptFolder();
        await using var daemon = await folder.StartAsync("-accel none");
        File.Delete(daemon.Socket);
        var (status, _, error) = await DaemonFixture.RunToEndAsync("-accel", "none", "-qmp", $"unix:{daemon.Socket}");
        Assert.Equal(1, status);
        Assert.Contains($"Failed to bind socket to {daemon.Socket}: Address already in use", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_daemon_that_fails_to_start_leaves_nothing()
    {
        await using var folder = new KeptFolder();
        var (status, _, _) = await DaemonFixture.RunToEndAsync(
            "-accel", "none", "-qmp", $"unix:{folder.Path}/qmp", "-object", "memory-backend-memfd,id=m,size=4096", "-object", "memory-backend-memfd,id=m,size=4096");
        Assert.Equal(1, status);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Started_by_a_person_it_says_what_it_is_for()
    {
        var (status, _, error) = await DaemonFixture.RunToEndAsync("-keeper", "x");
        Assert.Equal(1, status);
        Assert.Contains("-keeper: for the daemon's own use", error, StringComparison.Ordinal);
    }
}
