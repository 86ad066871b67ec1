using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>systemd's store of descriptors in place of a keeper, its part played by the test.</summary>
public sealed class SystemdTests
{
    private const string Machine = "-machine q35 -m 0,slots=8,maxmem=8G";
    private const string Done = """{"return": {}}""";

    [KvmFact]
    public async Task Memory_is_stored_and_comes_back_with_the_next_process_of_the_unit()
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-").FullName;
        using var manager = new ServiceManager(directory);
        try
        {
            const string nonce = "AQIDBAUGBwgJCgsMDQ4PEA==";
            var first = await manager.StartAsync(Machine);
            await using (var client = await (await QmpClient.ConnectAsync(directory + "/qmp")).NegotiateAsync())
            {
                await SuccessorTests.AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "m0", "size": 2097152, "guest-memfd": true}""");
                await SuccessorTests.AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "m1", "size": 4096}""");
                await client.ExchangeAsync("""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d0", "memdev": "m0"} }""", Done);
                await SuccessorTests.WriteAsync(client, 4294967296 + 64, nonce);
            }
            Assert.Equal(["memory.m0", "memory.m1"], manager.Names);
            Assert.All(manager.Messages.Where(message => message.Contains("FDSTORE=1", StringComparison.Ordinal)), message =>
                Assert.Contains("FDPOLL=0", message, StringComparison.Ordinal));
            Assert.False(File.Exists(directory + "/qmp.keeper"));
            manager.Kill(first);

            var second = await manager.StartAsync(Machine);
            await using (var client = await (await QmpClient.ConnectAsync(directory + "/qmp")).NegotiateAsync())
            {
                Assert.Equal(nonce, await SuccessorTests.ReadAsync(client, 4294967296 + 64));
                await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m1"}}""", Done);
                await Eventually.TrueAsync(() => manager.Names.SequenceEqual(["memory.m0"]), () => string.Join(", ", manager.Names));
                await client.SendAsync("""{"execute": "quit"}""");
                await Eventually.TrueAsync(() => manager.Names.Count == 0, () => "an orderly end keeps nothing");
            }
            new LinuxKernel().WaitFor(second);
            second.Dispose();
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Theory]
    [InlineData(false, "the service manager's store takes no more descriptors")]
    [InlineData(true, "all 2 places of the service manager's store are taken")]
    public async Task Memory_that_a_full_store_would_drop_is_refused_and_leaves_nothing(bool tellsMax, string reason)
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-").FullName;
        using var manager = new ServiceManager(directory) { Max = 2, TellsMax = tellsMax };
        try
        {
            var first = await manager.StartAsync("-accel none");
            await using (var client = await (await QmpClient.ConnectAsync(directory + "/qmp")).NegotiateAsync())
            {
                await SuccessorTests.AddAsync(client, Memfd("m0"));
                await RefuseAsync(client, Memfd(new string('x', 249)), "the service manager keeps memory with ids of at most 248 characters, use a shorter 'id'");
                // What fails gives its place back.
                Assert.True((await client.AskAsync(Add("""{"qom-type": "memory-backend-file", "id": "f", "size": 4096, "share": true, "mem-path": "/proc/no"}""")))
                    .TryGetProperty("error", out _));
                await SuccessorTests.AddAsync(client, Memfd("m1"));
                await RefuseAsync(client, Memfd("m2"), reason + ", raise FileDescriptorStoreMax= of the unit");
                Assert.DoesNotContain("m2", await client.QueryAsync("query-memdev"), StringComparison.Ordinal);
                Assert.Equal(["memory.m0", "memory.m1"], manager.Names);
                // Private memory goes with the daemon in any case.
                await SuccessorTests.AddAsync(client, """{"qom-type": "memory-backend-ram", "id": "r", "size": 4096}""");
                await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m0"}}""", Done);
                await SuccessorTests.AddAsync(client, Memfd("m2"));
                Assert.Equal(["memory.m1", "memory.m2"], manager.Names);
            }
            manager.Kill(first);

            var second = await manager.StartAsync("-accel none");
            await using (var client = await (await QmpClient.ConnectAsync(directory + "/qmp")).NegotiateAsync())
            {
                await RefuseAsync(client, Memfd("m3"), reason + ", raise FileDescriptorStoreMax= of the unit");
                await client.SendAsync("""{"execute": "quit"}""");
            }
            new LinuxKernel().WaitFor(second);
            second.Dispose();
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task Clients_that_add_at_the_same_time_never_get_more_than_the_store_takes()
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-").FullName;
        using var manager = new ServiceManager(directory) { Max = 5 };
        try
        {
            var process = await manager.StartAsync("-accel none");
            var added = await Task.WhenAll(Enumerable.Range(0, 8).Select(async number =>
            {
                await using var client = await (await QmpClient.ConnectAsync(directory + "/qmp")).NegotiateAsync();
                return (await client.AskAsync(Add(Memfd($"m{number}")))).TryGetProperty("return", out _) ? $"memory.m{number}" : null;
            }));
            // Nobody is told that memory is there which is not kept.
            Assert.Equal(added.Where(name => name is not null).Order(StringComparer.Ordinal), manager.Names.Order(StringComparer.Ordinal));
            Assert.Equal(5, manager.Names.Count);
            manager.Kill(process);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task Without_a_service_manager_it_does_not_start()
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-").FullName;
        var (status, _, error) = await DaemonFixture.RunToEndAsync("-accel", "none", "-qmp", $"unix:{directory}/qmp", "-keep", "systemd");
        Assert.Equal(1, status);
        Assert.Contains("-keep systemd: NOTIFY_SOCKET is not set", error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(directory));
        Directory.Delete(directory);
    }

    private static string Memfd(string id) => $$"""{"qom-type": "memory-backend-memfd", "id": "{{id}}", "size": 4096}""";

    private static string Add(string backend) => $$"""{"execute": "object-add", "arguments": {{backend}}}""";

    private static async Task RefuseAsync(QmpClient client, string backend, string reason)
    {
        var error = (await client.AskAsync(Add(backend))).GetProperty("error");
        Assert.Equal("GenericError", error.GetProperty("class").GetString());
        Assert.EndsWith($"' would not outlive the daemon: {reason}", error.GetProperty("desc").GetString(), StringComparison.Ordinal);
    }
}
