using System.Diagnostics;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>calc-dirty-rate beside a borrower: what that one writes nobody here sees, so there is no figure, 0 least of all.</summary>
public sealed class LentDirtyRateTests
{
    private const string Done = """{"return": {}}""";

    [KvmTheory]
    [InlineData("dirty-bitmap", true)]
    [InlineData("dirty-bitmap", false)]
    [InlineData("page-sampling", true)]
    public Task It_is_refused_by_the_borrowers_name_until_the_borrower_is_gone(string mode, bool isPlugged) => RunAsync(isPlugged, async (client, borrow) =>
    {
        using var borrower = await borrow();
        await client.ExchangeAsync(
            Calc(mode, 50),
            $$$"""
            {"error": {"class": "GenericError", "desc":
              "Memory backend 'lent' is held by sleep (pid {{{borrower.Id}}}), whose writes cannot be told from the guest's"}}
            """);
        await client.ExchangeAsync("""{"execute": "query-dirty-rate"}""", """{"return": {"$object-with": {"status": "unstarted"}}}""");

        await EndAsync(client, borrower);
        await client.ExchangeAsync(Calc(mode, 50), Done);
        Assert.Equal("measured", await FinishedAsync(client));
    });

    [KvmFact]
    public Task A_measurement_during_which_a_borrower_comes_gives_no_figure() => RunAsync(true, async (client, borrow) =>
    {
        var status = "";
        // It may come too late.
        await MeasuredRounds.UntilAsync(least: 1, async () =>
        {
            await client.ExchangeAsync(Calc("dirty-bitmap", 1000), Done);
            using var borrower = await borrow();
            status = await FinishedAsync(client);
            await client.ExchangeAsync(
                """{"execute": "query-memory-slots"}""", """{"return": {"$object-with": {"slots": [{"$object-with": {"dirty-log": false}}]}}}""");
            await EndAsync(client, borrower);
            return status == "unstarted";
        });
        Assert.Equal("unstarted", status);
    });

    private static Task RunAsync(bool isPlugged, Func<QmpClient, Func<Task<Process>>, Task> test) =>
        DaemonFixture.RunAsync("-machine q35 -m 0,slots=2,maxmem=1G -accel kvm -lend-dir {dir}/lend", async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            await client.ExchangeAsync(
                """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "lent", "size": 2097152}}""", Done);
            if (isPlugged)
                await client.ExchangeAsync("""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "dimm", "memdev": "lent"}}""", Done);
            // The ledger's own events say when the borrower has it.
            await client.ExchangeAsync("""{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_LOAN_CHANGE"]}}""", """{"return": "$any"}""");
            await test(client, async () =>
            {
                var borrower = Process.Start(new ProcessStartInfo("sh", ["-c", $"exec sleep 60 <>{daemon.Directory}/lend/lent"]))!;
                await ExpectLoanAsync(client, "held", borrower);
                await Children.BecomesAsync(borrower.Id, "sleep");
                return borrower;
            });
        });

    private static async Task EndAsync(QmpClient client, Process borrower)
    {
        borrower.Kill();
        await borrower.WaitForExitAsync();
        await ExpectLoanAsync(client, "lost", borrower);
    }

    private static Task ExpectLoanAsync(QmpClient client, string state, Process borrower) => client.ExpectAsync(
        $$$"""
        {"event": "MEMORY_LOAN_CHANGE", "timestamp": "$any",
         "data": {"memdev": "/objects/lent", "state": "{{{state}}}", "pid": {{{borrower.Id}}}, "generation": "$int"}}
        """);

    private static string Calc(string mode, int milliseconds) =>
        $$$"""{"execute": "calc-dirty-rate", "arguments": {"calc-time": {{{milliseconds}}}, "calc-time-unit": "millisecond", "mode": "{{{mode}}}"}}""";

    /// <returns>The status that follows "measuring".</returns>
    private static async Task<string> FinishedAsync(QmpClient client)
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            var reply = await client.AskAsync("""{"execute": "query-dirty-rate"}""");
            var status = reply.GetProperty("return").GetProperty("status").GetString()!;
            if (status != "measuring")
                return status;
            Assert.True(Stopwatch.GetElapsedTime(began) < QmpClient.Patience, reply.GetRawText());
            await Task.Delay(20);
        }
    }
}
