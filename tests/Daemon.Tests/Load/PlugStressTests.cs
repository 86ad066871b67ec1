using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Load;

/// <summary>
/// Four clients plug, write through the vCPU, compare the whole slot, query and unplug, on the real kernel and beside one another; every byte
/// written through one view must be seen through the other. HOSTMEMD_LONG=1 takes two minutes.
/// </summary>
public sealed class PlugStressTests(ITestOutputHelper output)
{
    private const int Clients = 4;
    private const ulong Size = 2 << 20;

    /// <summary>Of memory that take turns.</summary>
    private const int Kinds = 4;

    [KvmFact]
    public Task Every_byte_is_seen_through_the_other_view_and_every_slot_is_gone_at_the_end() => DaemonFixture.RunAsync(
        "-accel kvm -machine q35 -m 1M,slots=64,maxmem=4G",
        async daemon =>
        {
            var time = LoadBounds.IsLong ? TimeSpan.FromMinutes(2) : TimeSpan.FromSeconds(3);
            var clock = Stopwatch.StartNew();
            var rounds = await Task.WhenAll(Enumerable.Range(0, Clients).Select(number => Task.Run(async () =>
            {
                await using var client = await daemon.ConnectAsync();
                var round = 0;
                for (; clock.Elapsed < time || round < Kinds; round++)
                    await RoundAsync(client, number, round);
                return round;
            })));

            output.WriteLine($"rounds of the {Clients} clients: {string.Join(", ", rounds)}");
            await using var last = await daemon.ConnectAsync();
            // The machine's own memory, and the probe's.
            await last.ExchangeAsync(
                """{"execute": "query-memory-slots"}""",
                """{"return": {"$object-with": {"limits": {"$object-with": {"kvm-used": 2, "device-used": 0}}}}}""");
            await last.ExchangeAsync("""{"execute": "query-memory-devices"}""", """{"return": []}""");
        });

    private static async Task RoundAsync(QmpClient client, int number, int round)
    {
        // Anonymous memory, a memfd, a guest_memfd by address and one by descriptor.
        var kind = (round % Kinds) switch
        {
            0 => "\"qom-type\": \"memory-backend-ram\"",
            1 => "\"qom-type\": \"memory-backend-memfd\"",
            2 => "\"qom-type\": \"memory-backend-memfd\", \"guest-memfd\": true",
            _ => "\"qom-type\": \"memory-backend-guest-memfd\"",
        };
        await AskAsync(client, "object-add", $"{kind}, \"id\": \"m{number}\", \"size\": {Size}");
        await AskAsync(client, "device_add", $"\"driver\": \"pc-dimm\", \"id\": \"d{number}\", \"memdev\": \"m{number}\"");
        var slots = await AskAsync(client, "query-memory-slots", $"\"memdev\": \"m{number}\"");
        var addr = slots.GetProperty("slots")[0].GetProperty("addr").GetUInt64();
        var at = addr + (ulong)(round * 4099 % (1 << 20));
        var data = Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"client {number} round {round}")));

        await ProbeAsync(client, $"\"operation\": \"write\", \"addr\": {at}, \"data\": \"{data}\"");
        var read = await ProbeAsync(client, $"\"operation\": \"read\", \"addr\": {at}, \"size\": {Convert.FromBase64String(data).Length}");
        Assert.Equal((data, data), (read.GetProperty("guest-data").GetString(), read.GetProperty("host-data").GetString()));
        var whole = await ProbeAsync(client, $"\"operation\": \"compare\", \"addr\": {addr}, \"size\": {Size}");
        Assert.True(whole.GetProperty("equal").GetBoolean(), whole.GetRawText());

        await AskAsync(client, "query-memory-devices", "");
        await AskAsync(client, "device_del", $"\"id\": \"d{number}\"");
        await AskAsync(client, "object-del", $"\"id\": \"m{number}\"");
    }

    private static async Task<JsonElement> ProbeAsync(QmpClient client, string arguments)
    {
        var seen = await AskAsync(client, "probe-guest-memory", arguments);
        Assert.Equal(("done", true), (seen.GetProperty("outcome").GetString(), seen.GetProperty("native").GetBoolean()));
        return seen;
    }

    /// <summary>DEVICE_DELETED of this and of other clients comes in between.</summary>
    private static async Task<JsonElement> AskAsync(QmpClient client, string command, string arguments)
    {
        await client.SendAsync($$$"""{"execute": "{{{command}}}", "arguments": {{{{arguments}}}} }""");
        while (true)
        {
            var message = await client.ReceiveAsync();
            if (message.TryGetProperty("return", out var result))
                return result;
            if (!message.TryGetProperty("event", out _))
                throw new InvalidOperationException($"{command} {arguments}: {message.GetRawText()}");
        }
    }
}
