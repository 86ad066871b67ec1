using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using Hostmemd.Daemon.Tests.Processes;
using Tmds.Linux;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>
/// Guests whose vCPUs count in memory of a daemon that is killed at random moments, with its keeper or without, or the keeper alone: they never
/// stop, and each successor serves the same pages. HOSTMEMD_LONG=1: 200 times instead of 20; HOSTMEMD_SEED: the same run again.
/// </summary>
public sealed class CountingTests(ITestOutputHelper output)
{
    private const string Options = "-machine q35 -m 0,slots=16,maxmem=8G";
    private const ulong Size = 2 << 20;
    private const ulong MarkAt = 0x3000;

    private static readonly (string Id, ulong Addr, string Properties)[] Backends =
    [
        ("m", 0x1_0000_0000, ""),
        ("g", 0x1_1000_0000, ", \"guest-memfd\": true"),
    ];

    [KvmFact]
    public async Task Counters_of_living_guests_never_stop_and_marks_that_were_answered_stay()
    {
        var seed = CrashRounds.Seed(output);
        var random = new Random(seed);
        await using var folder = new KeptFolder();
        var program = await CountingGuest.CompileAsync(folder.Path);
        var daemon = await folder.StartAsync(Options);
        var guests = new List<CountingGuest>();
        try
        {
            await using (var client = await daemon.ConnectAsync())
                foreach (var (id, addr, properties) in Backends)
                    guests.Add(await BeginAsync(client, daemon, program, id, addr, properties));
            for (var round = 0; round < CrashRounds.Count; round++)
            {
                var mark = new byte[16];
                random.NextBytes(mark);
                // 0: the daemon; 1: with its keeper; 2: the keeper alone.
                var victims = random.Next(3);
                await RoundAsync(daemon, folder, mark, victims, random.Next(60));
                if (victims != 2)
                {
                    await daemon.DisposeAsync();
                    daemon = await folder.StartAsync(Options);
                }
                await VerifyAsync(daemon, guests, mark);
            }
        }
        catch (Exception e)
        {
            throw new Xunit.Sdk.XunitException($"HOSTMEMD_SEED={seed}: {e}\nthe daemon's log:\n{daemon.Log}");
        }
        finally
        {
            guests.ForEach(guest => guest.Dispose());
            await daemon.DisposeAsync();
        }
    }

    private static async Task<CountingGuest> BeginAsync(
        QmpClient client, DaemonFixture daemon, string program, string id, ulong addr, string properties)
    {
        await SuccessorTests.AddAsync(client, $$"""{"qom-type": "memory-backend-memfd", "id": "{{id}}", "size": {{Size}}{{properties}} }""");
        await client.ExchangeAsync(
            $$$"""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d{{{id}}}", "memdev": "{{{id}}}", "addr": {{{addr}}}} }""",
            """{"return": {}}""");
        return await CountingGuest.StartAsync(program, daemon.Socket, id, Size);
    }

    /// <summary>Writes the mark through the daemon's own vCPU, and kills while other objects come and go.</summary>
    private static async Task RoundAsync(DaemonFixture daemon, KeptFolder folder, byte[] mark, int victims, int delay)
    {
        await using var client = await daemon.ConnectAsync();
        foreach (var (_, addr, _) in Backends)
        {
            var reply = await client.AskAsync(
                """{"execute": "probe-guest-memory", "arguments": {"operation": "write", "force": true, "addr": """
                + string.Create(CultureInfo.InvariantCulture, $"{addr + MarkAt}, \"data\": \"{Convert.ToBase64String(mark)}\"") + "}}");
            Assert.Equal("done", reply.GetProperty("return").GetProperty("outcome").GetString());
        }
        var keeper = KeptFolder.KeeperOf(daemon);
        var killing = KillAsync();
        try
        {
            while (!killing.IsCompleted)
            {
                await SuccessorTests.AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "other", "size": 4096}""");
                await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "other"}}""", """{"return": {}}""");
            }
        }
        catch (Exception e) when (victims != 2 && e is IOException or SocketException)
        {
            // It died over that command.
        }
        await killing;

        async Task KillAsync()
        {
            await Task.Delay(delay);
            // The daemon first: it would start another keeper.
            if (victims != 2)
                await daemon.CrashAsync();
            if (victims == 1)
                await folder.EndKeeperAsync();
            if (victims == 2 && keeper is { } pid && KeptFolder.IsKeeper(pid))
                Assert.Equal(0, LibC.kill(pid, DaemonFixture.SigKill));
        }
    }

    private static async Task VerifyAsync(DaemonFixture daemon, List<CountingGuest> guests, byte[] mark)
    {
        await using var client = await daemon.ConnectAsync();
        for (var i = 0; i < guests.Count; i++)
        {
            var addr = Backends[i].Addr;
            Assert.False(guests[i].HasExited);
            Assert.Equal(Convert.ToBase64String(mark), await SuccessorTests.ReadAsync(client, addr + MarkAt));
            // What the guest has counted the daemon sees, and the other way round: it is the same page.
            var before = await guests[i].CountAsync();
            var seen = await CounterAsync(client, addr);
            var after = await guests[i].CountAsync();
            Assert.True(unchecked(seen - before) < 1U << 31 && unchecked(after - seen) < 1U << 31, $"{before}, {seen}, {after}");
            var guest = guests[i];
            var end = TimeProvider.System.GetTimestamp() + (10 * TimeProvider.System.TimestampFrequency);
            while (await guest.CountAsync() == after)
                Assert.True(TimeProvider.System.GetTimestamp() < end, $"{Backends[i].Id}: the counter stands at {after}");
        }
        // One that came to be over the kill goes; the next round makes it again.
        await client.AskAsync("""{"execute": "object-del", "arguments": {"id": "other"}}""");
    }

    private static async Task<uint> CounterAsync(QmpClient client, ulong addr) =>
        BinaryPrimitives.ReadUInt32LittleEndian(Convert.FromBase64String((await SuccessorTests.ReadAsync(client, addr + CountingGuest.CounterAt))!));
}
