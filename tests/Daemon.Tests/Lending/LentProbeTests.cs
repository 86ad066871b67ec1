using System.Diagnostics;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>A DIMM whose memory another process has: its guest's bytes are not written by chance.</summary>
public sealed class LentProbeTests
{
    private const string Done = """{"return": {}}""";
    private const string Wrote = """{"return": {"outcome": "done", "generation": "$int", "native": "$any"}}""";

    [KvmFact]
    public Task A_write_into_lent_memory_is_refused_by_the_borrowers_name_unless_it_is_forced() =>
        DaemonFixture.RunAsync("-machine q35 -m 2M,slots=2,maxmem=1G -accel kvm -lend-dir {dir}/lend", async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            foreach (var id in (string[])["lent", "own"])
            {
                await client.ExchangeAsync(
                    $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "{{{id}}}", "size": 2097152}}""", Done);
                await client.ExchangeAsync(
                    $$$"""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "dimm-{{{id}}}", "memdev": "{{{id}}}"}}""", Done);
            }
            // The ledger's own events say when the borrower has it.
            await client.ExchangeAsync("""{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_LOAN_CHANGE"]}}""", """{"return": "$any"}""");
            using var borrower = Process.Start(new ProcessStartInfo("sh", ["-c", $"exec sleep 60 <>{daemon.Directory}/lend/lent"]))!;
            await client.ExpectAsync(
                $$$"""
                {"event": "MEMORY_LOAN_CHANGE", "timestamp": "$any",
                 "data": {"memdev": "/objects/lent", "state": "held", "pid": {{{borrower.Id}}}, "generation": "$int"}}
                """);
            await Children.BecomesAsync(borrower.Id, "sleep");

            // The second begins in lent memory and ends in the other DIMM.
            foreach (var address in (long[])[0x1_0000_0000, 0x1_001F_FFFC])
            {
                var refused = await client.AskAsync(Write(address));
                Assert.Equal(
                    $"Memory backend 'lent' is held by sleep (pid {borrower.Id}), use 'force' to write all the same", refused.GetProperty("error").GetProperty("desc").GetString());
            }
            await client.ExchangeAsync(Read, ReadBack("AAAAAAAAAAA="));
            await client.ExchangeAsync(Write(0x1_0020_0000), Wrote);
            await client.ExchangeAsync(Write(0x1_0000_0000, ", \"force\": true"), Wrote);
            await client.ExchangeAsync(Read, ReadBack("aG9zdG1lbWQ="));

            borrower.Kill();
            await borrower.WaitForExitAsync();
            await client.ExpectAsync(
                $$$"""
                {"event": "MEMORY_LOAN_CHANGE", "timestamp": "$any",
                 "data": {"memdev": "/objects/lent", "state": "lost", "pid": {{{borrower.Id}}}, "generation": "$int"}}
                """);
            await client.ExchangeAsync(Write(0x1_0000_0000), Wrote);
        });

    private const string Read = """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 4294967296, "size": 8}}""";

    private static string Write(long address, string more = "") =>
        $$$"""{"execute": "probe-guest-memory", "arguments": {"operation": "write", "addr": {{{address}}}, "data": "aG9zdG1lbWQ="{{{more}}}}}""";

    private static string ReadBack(string data) =>
        $$$"""{"return": {"$object-with": {"guest-data": "{{{data}}}", "host-data": "{{{data}}}"} } }""";
}
