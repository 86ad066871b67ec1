using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>
/// As many DIMMs of 2 MiB as the limits allow, on the real kernel, and all of them away again. HOSTMEMD_LONG=1 plugs until a limit says no,
/// else there are 1,000.
/// </summary>
public sealed class ManyDimmsTests(ITestOutputHelper output)
{
    private static readonly int Wanted = Environment.GetEnvironmentVariable("HOSTMEMD_LONG") == "1" ? 40_000 : 1_000;

    [KvmFact]
    public Task They_are_all_listed_the_limit_that_ends_it_is_named_and_all_go() => DaemonFixture.RunAsync(
        "-accel kvm -machine q35 -m 1M,slots=32000,maxmem=64G",
        async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            var plugged = 0;
            string? refusal = null;
            for (; plugged < Wanted && refusal is null; plugged++)
            {
                refusal = await TryPlugAsync(client, plugged);
                if (refusal is not null)
                    break;
            }

            var slots = await client.AskAsync("""{"execute": "query-memory-slots", "arguments": {"limit": 32768}}""");
            output.WriteLine($"{plugged} DIMMs; {refusal}; {slots.GetProperty("return").GetProperty("limits").GetRawText()}");
            Assert.Equal(plugged + 1, slots.GetProperty("return").GetProperty("slots").GetArrayLength());
            Assert.True(plugged == Wanted || refusal is "no free slots available" || refusal!.Contains("raise vm.max_map_count", StringComparison.Ordinal), refusal);

            for (var i = 0; i < plugged; i++)
            {
                await client.ExchangeAsync($$"""{"execute": "device_del", "arguments": {"id": "d{{i}}"} }""", """{"return": {}}""");
                await client.ExpectAsync("""{"timestamp": "$timestamp", "event": "DEVICE_DELETED", "data": "$any"}""");
            }
            await client.ExchangeAsync(
                """{"execute": "query-memory-slots"}""",
                """{"return": {"$object-with": {"limits": {"$object-with": {"kvm-used": 1, "device-used": 0}}}}}""");
        });

    /// <summary>
    /// The garbage collector's first generation does not grow with what survives it: then it held 7 KB more for each DIMM, and promoted it in
    /// pauses of 16 to 65 ms, which every client felt. Measured: 3 KB each ahead-of-time compiled, 4 to 5 KB else.
    /// </summary>
    [KvmFact]
    public Task What_the_daemon_takes_for_each_is_little() => DaemonFixture.RunAsync(
        "-accel kvm -machine q35 -m 1M,slots=4000,maxmem=9G",
        async daemon =>
        {
            const int some = 1_000, all = 4_000;
            await using var client = await daemon.ConnectAsync();
            long before = 0;
            for (var i = 0; i < all; i++)
            {
                if (i == some)
                    before = ProcessResources.Resident(daemon.Pid);
                Assert.Null(await TryPlugAsync(client, i));
            }

            var each = (ProcessResources.Resident(daemon.Pid) - before) / (all - some);
            output.WriteLine($"{each} bytes each");
            Assert.InRange(each, 0, 7_000);
        });

    /// <returns>null, or why not.</returns>
    private static async Task<string?> TryPlugAsync(QmpClient client, int number) =>
        await TryAsync(client, $$"""
            {"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "m{{number}}", "size": 2097152, "reserve": false} }
            """) ?? await TryAsync(client, $$"""
            {"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d{{number}}", "memdev": "m{{number}}"} }
            """);

    private static async Task<string?> TryAsync(QmpClient client, string request) =>
        (await client.AskAsync(request)).TryGetProperty("error", out var error) ? error.GetProperty("desc").GetString() : null;
}
