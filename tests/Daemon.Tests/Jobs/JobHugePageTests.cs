using System.Diagnostics;
using Hostmemd.Daemon.Tests.Objects;
using Xunit;

namespace Hostmemd.Daemon.Tests.Jobs;

/// <summary>Jobs on pages of 2 MiB, which were taken when the backend was made: a job goes over them once more, page by page.</summary>
[Collection(HugePagePoolUsers.Name)]
public sealed class JobHugePageTests
{
    private const long PageSize = (long)HugePagePoolFixture.PageSize;
    private const long Size = (long)HugePagePoolFixture.Added * PageSize;

    [HugePageFact]
    public async Task Cancelling_takes_no_fifty_milliseconds_and_stops_between_two_pages()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        var client = await guest.ConnectAsync();
        await client.AddMemfdAsync("m", Size, ", \"hugetlb\": true");
        var (best, limit) = (TimeSpan.MaxValue, TimeSpan.FromMilliseconds(50));
        await MeasuredRounds.UntilAsync(least: 1, async () =>
        {
            await client.StartJobAsync("j", "m", $", \"speed\": {2 * PageSize}");
            await client.ProgressedAsync("j");

            var start = Stopwatch.GetTimestamp();
            await client.VerbAsync("cancel", "j", "aborting", "concluded");
            var took = Stopwatch.GetElapsedTime(start);

            best = took < best ? took : best;
            var progress = (await client.JobAsync("j")).Progress();
            Assert.InRange(progress, PageSize, Size - PageSize);
            Assert.Equal(0, progress % PageSize);
            await client.VerbAsync("dismiss", "j", "null");
            return best <= limit;
        });
        Assert.InRange(best, TimeSpan.Zero, limit);
        // What was taken is still there, and another job finds it so.
        await client.StartJobAsync("j", "m");
        await client.ExpectStatesAsync("j", "waiting", "pending", "concluded");
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", JobClient.Done);
    }
}
