using Hostmemd.Daemon.Tests.Processes;
using Hostmemd.Daemon.Tests.Processes.Upgrades;
using Xunit;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>-keep systemd under a real systemd, as docs/keeping.md has the unit.</summary>
public sealed class SystemdUnitTests
{
    private const string Done = """{"return": {}}""";
    private const string Machine = "-machine q35 -m 0,slots=8,maxmem=8G";
    private const string Nonce = "AQIDBAUGBwgJCgsMDQ4PEA==";

    [SystemdFact(NeedsKvm = true)]
    public Task Memory_outlives_a_daemon_that_is_killed_and_goes_with_a_unit_that_is_stopped() => SystemdUnit.RunAsync(Machine, "FileDescriptorStoreMax=8", async unit =>
    {
        await using (var client = await unit.ConnectAsync())
            await PlugAsync(client);
        await unit.SignalAsync(DaemonFixture.SigKill);
        await unit.RestartedAsync(1);
        await using (var client = await unit.ConnectAsync())
            await IsPluggedAsync(client);
        Assert.Equal("1", await unit.ShowAsync("NFileDescriptorStore"));

        await unit.StopAsync();
        Assert.Equal("0", await unit.ShowAsync("NFileDescriptorStore"));
        Assert.Equal("success", await unit.ShowAsync("Result"));
        Assert.False(File.Exists(unit.Socket));
    });

    [SystemdFact]
    public Task A_store_that_is_full_refuses_memory_until_some_goes() => SystemdUnit.RunAsync("-accel none", "FileDescriptorStoreMax=2", async unit =>
    {
        await using (var client = await unit.ConnectAsync())
        {
            await AddAsync(client, "a");
            await AddAsync(client, "b");
            for (var round = 0; round < 20; round++)
            {
                var error = (await client.AskAsync(Add("c"))).GetProperty("error").GetProperty("desc").GetString();
                Assert.Matches("^memory backend 'c' would not outlive the daemon: .*, raise FileDescriptorStoreMax= of the unit$", error);
                Assert.Equal("2", await unit.ShowAsync("NFileDescriptorStore"));
                await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "b"}}""", Done);
                await AddAsync(client, "b");
            }
        }
        await unit.SignalAsync(DaemonFixture.SigKill);
        await unit.RestartedAsync(1);
        await using var after = await unit.ConnectAsync();
        var left = await after.QueryAsync("query-memdev");
        Assert.All(new[] { "a", "b" }, id => Assert.Contains($"\"id\": \"{id}\"", left, StringComparison.Ordinal));
    });

    [SystemdFact]
    public Task Without_a_store_memory_is_refused() => SystemdUnit.RunAsync("-accel none", "", async unit =>
    {
        await using var client = await unit.ConnectAsync();
        Assert.EndsWith(
            ", raise FileDescriptorStoreMax= of the unit",
            (await client.AskAsync(Add("a"))).GetProperty("error").GetProperty("desc").GetString(), StringComparison.Ordinal);
    });

    /// <summary>A unit that is shut in has mounts of its own: with them goes what /proc called a descriptor's file.</summary>
    [SystemdFact]
    public Task Memory_of_each_kind_comes_back_into_other_mounts() => SystemdUnit.RunAsync("-accel none", "FileDescriptorStoreMax=8\nPrivateMounts=yes", async unit =>
    {
        string before;
        await using (var client = await unit.ConnectAsync())
        {
            foreach (var backend in (string[])[
                """{"qom-type": "memory-backend-memfd", "id": "memfd", "size": 4096}""",
                """{"qom-type": "memory-backend-ram", "id": "ram", "size": 4096, "share": true}""",
                """{"qom-type": "memory-backend-shm", "id": "shm", "size": 4096}""",
                $$"""{"qom-type": "memory-backend-file", "id": "file", "size": 4096, "share": true, "mem-path": "{{Path.GetDirectoryName(unit.Socket)}}/ram"}""",
                """{"qom-type": "memory-backend-file", "id": "folder", "size": 4096, "share": true, "mem-path": "/dev/shm"}""",
            ])
                await SuccessorTests.AddAsync(client, backend);
            before = await client.QueryAsync("query-memdev");
        }
        await unit.SignalAsync(DaemonFixture.SigKill);
        await unit.RestartedAsync(1);
        await using var after = await unit.ConnectAsync();
        Assert.Equal(before, await after.QueryAsync("query-memdev"));
    });

    [SystemdFact(NeedsKvm = true)]
    public Task A_daemon_that_hangs_is_started_again_with_its_memory() => SystemdUnit.RunAsync(Machine, "FileDescriptorStoreMax=8\nWatchdogSec=2\nTimeoutAbortSec=1", async unit =>
    {
        await using (var client = await unit.ConnectAsync())
            await PlugAsync(client);
        // It answers the watchdog for longer than that takes.
        await Task.Delay(TimeSpan.FromSeconds(3));
        Assert.Equal("0", await unit.ShowAsync("NRestarts"));
        await unit.SignalAsync(DaemonFixture.SigStop);
        await unit.RestartedAsync(1);
        await using (var client = await unit.ConnectAsync())
            await IsPluggedAsync(client);
    });

    [SystemdFact(NeedsKvm = true)]
    public Task Another_program_in_its_process_has_the_same_places_of_the_store() => SystemdUnit.RunAsync(Machine, "FileDescriptorStoreMax=2", async unit =>
    {
        var pid = await unit.ShowAsync("MainPID");
        await using (var client = await unit.ConnectAsync())
        {
            await PlugAsync(client);
            await Upgrade.ChooseAsync(client, [DaemonFixture.Program, .. Machine.Split(' '), "-keep", "systemd", "-qmp", $"unix:{unit.Socket}"]);
            await Upgrade.RunAsync(client);
            await AddAsync(client, "b");
            Assert.True((await client.AskAsync(Add("c"))).TryGetProperty("error", out _));
        }
        Assert.Equal(pid, await unit.ShowAsync("MainPID"));
        await unit.SignalAsync(DaemonFixture.SigKill);
        await unit.RestartedAsync(1);
        await using (var client = await unit.ConnectAsync())
        {
            await IsPluggedAsync(client);
            await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "b"}}""", Done);
        }
        Assert.Equal("1", await unit.ShowAsync("NFileDescriptorStore"));
    });

    private static string Add(string id) =>
        $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "{{{id}}}", "size": 4096}}""";

    private static Task AddAsync(QmpClient client, string id) => client.ExchangeAsync(Add(id), Done);

    private static async Task PlugAsync(QmpClient client)
    {
        await SuccessorTests.AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "m0", "size": 2097152}""");
        await client.ExchangeAsync("""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d0", "memdev": "m0"}}""", Done);
        await SuccessorTests.WriteAsync(client, 4294967296 + 64, Nonce);
    }

    private static async Task IsPluggedAsync(QmpClient client) => Assert.Equal(Nonce, await SuccessorTests.ReadAsync(client, 4294967296 + 64));
}
