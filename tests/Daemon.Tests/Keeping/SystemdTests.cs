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
}
