using System.Diagnostics;
using Hostmemd.Daemon.Tests.Load;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>Makes, plugs, unplugs and removes a guest_memfd many times over; nothing may add up.</summary>
public sealed class RoundsTests(ITestOutputHelper output)
{
    private static readonly bool IsLong = Environment.GetEnvironmentVariable("HOSTMEMD_LONG") == "1";

    private static readonly int Rounds = IsLong ? 10_000 : 1_000;

    /// <summary>
    /// Rounds before memory is looked at. Without ahead-of-time compilation the runtime compiles what is used much once more, until about
    /// round 5,000 (measured: 5.6 MiB and 35 mappings after round 1,000; then nothing for 25,000 rounds).
    /// </summary>
    private static readonly int Settled = IsLong ? 5_000 : 300;

    /// <summary>What the runtime may map meanwhile: little once it has settled; in the short run far less than one in ten rounds would leak.</summary>
    private static readonly int OthersMappings = IsLong ? 5 : 50;

    [KvmFact]
    public Task Rounds_of_add_plug_unplug_and_delete_leave_nothing() => DaemonFixture.RunAsync(
        "-accel kvm -machine q35 -m 2M,slots=4,maxmem=1G",
        async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            await RoundAsync(client);
            var slots = await SlotsAsync(client);
            await LoadBounds.SocketsAtRestAsync(daemon, clients: 1);
            var descriptors = DescriptorsOfOurs(daemon.Pid);
            var mappings = 0;
            var clock = Stopwatch.StartNew();
            long resident = 0;

            for (var round = 1; round <= Rounds; round++)
            {
                await RoundAsync(client);
                if (round == Settled)
                    (mappings, resident) = (ProcessResources.MappingsOfMemory(daemon.Pid), ProcessResources.Resident(daemon.Pid));
            }

            var grown = ProcessResources.Resident(daemon.Pid) - resident;
            output.WriteLine($"{Rounds} rounds, {clock.Elapsed.TotalMicroseconds / Rounds:0} us each");
            output.WriteLine($"descriptors {descriptors.Count}, now {DescriptorsOfOurs(daemon.Pid).Count}");
            output.WriteLine($"mappings {mappings}, now {ProcessResources.MappingsOfMemory(daemon.Pid)}");
            output.WriteLine($"resident {resident >> 10} KiB after {Settled} rounds, grown by {grown >> 10} KiB");
            Assert.Equal(slots, await SlotsAsync(client));
            Assert.Equal(descriptors, DescriptorsOfOurs(daemon.Pid));
            Assert.Equal(0, ProcessResources.Mappings("kvm-gmem", daemon.Pid));
            Assert.InRange(ProcessResources.MappingsOfMemory(daemon.Pid), 0, mappings + OthersMappings);
            if (IsLong)
                Assert.InRange(grown, long.MinValue, 1 << 20);
        });

    /// <summary>All but the assemblies that the runtime opens when it needs them.</summary>
    private static List<string> DescriptorsOfOurs(int pid) =>
        [.. ProcessResources.Descriptors(pid).Where(target => !target.EndsWith(".dll", StringComparison.Ordinal))];

    private static async Task<string> SlotsAsync(QmpClient client) =>
        (await client.AskAsync("""{"execute": "query-memory-slots"}""")).GetProperty("return").GetProperty("slots").GetRawText();

    private static async Task RoundAsync(QmpClient client)
    {
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true}}""",
            """{"return": {}}""");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""", """{"return": {}}""");
        await client.ExchangeAsync("""{"execute": "device_del", "arguments": {"id": "d"}}""", """{"return": {}}""");
        await client.ExpectAsync("""{"timestamp": "$timestamp", "event": "DEVICE_DELETED", "data": "$any"}""");
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", """{"return": {}}""");
    }
}
