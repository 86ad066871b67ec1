using Hostmemd.Jobs;
using Xunit;

namespace Hostmemd.Daemon.Tests.Jobs;

/// <summary>MEMORY_BACKEND_PROGRESS: how often, and that the last comes.</summary>
public sealed class ProgressEventTests : IAsyncLifetime
{
    private const ulong Length = 1000 * 4096;

    private readonly ManualClock _clock = new();
    private InProcessGuest _guest = null!;
    private QmpClient _client = null!;

    public async Task InitializeAsync()
    {
        _guest = await InProcessGuest.StartAsync(new FakeKernel(), "-accel none", clock: _clock);
        _client = await _guest.ConnectAsync();
        await _client.AddMemfdAsync("m", (long)Length);
        await _client.ExchangeAsync(
            """{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_BACKEND_PROGRESS"]}}""", """{"return": "$any"}""");
    }

    public async Task DisposeAsync() => await _guest.DisposeAsync();

    [Fact]
    public async Task In_any_second_there_are_ten_at_most_and_the_newest_stands_for_the_older_ones()
    {
        var told = new List<(TimeSpan At, long Done)>();
        using (var progress = new ProgressEvents(_guest.Guest, "j", _guest.Guest.State.Backends["m"].Backend, Length))
        {
            // A report every 5 ms for 5 seconds.
            for (ulong i = 1; i <= 1000; i++)
            {
                progress.Report(i * 4096);
                _clock.Advance(TimeSpan.FromMilliseconds(5));
            }
        }

        while (told.Count == 0 || told[^1].Done < (long)Length)
        {
            var message = await _client.ReceiveAsync();
            Assert.Equal("MEMORY_BACKEND_PROGRESS", message.GetProperty("event").GetString());
            var (stamp, data) = (message.GetProperty("timestamp"), message.GetProperty("data"));
            Assert.Equal(("j", "/objects/m", (long)Length), (data.GetProperty("job-id").GetString(), data.GetProperty("memdev").GetString(),
                data.GetProperty("total-progress").GetInt64()));
            told.Add((
                TimeSpan.FromSeconds(stamp.GetProperty("seconds").GetInt64()) + TimeSpan.FromMicroseconds(stamp.GetProperty("microseconds").GetInt64()),
                data.GetProperty("current-progress").GetInt64()));
        }

        Assert.InRange(told.Count, 40, 51);
        Assert.All(told, one => Assert.InRange(told.Count(other => other.At >= one.At && other.At < one.At + TimeSpan.FromSeconds(1)), 1, 10));
        // As of its time, not as of the first report that waited.
        Assert.All(told.SkipLast(1), one => Assert.InRange(one.Done / 4096.0 * 5, one.At.TotalMilliseconds - 0.1, one.At.TotalMilliseconds + 5.1));
        Assert.Equal(told.Select(one => one.Done).Order().Distinct(), told.Select(one => one.Done));
        await _client.ExchangeAsync("""{"execute": "query-jobs"}""", """{"return": []}""");
    }

    [Fact]
    public async Task What_stops_in_between_is_told_when_its_time_has_come_and_again_only_when_there_is_more()
    {
        using var progress = new ProgressEvents(_guest.Guest, "j", _guest.Guest.State.Backends["m"].Backend, Length);
        progress.Report(4096);
        await ExpectAsync(4096);
        progress.Report(12288);
        // Threads report in any order.
        progress.Report(8192);

        await _client.ExchangeAsync("""{"execute": "query-jobs"}""", """{"return": []}""");
        _clock.Advance(TimeSpan.FromMilliseconds(112));
        await ExpectAsync(12288);
        progress.Dispose();

        progress.Report(16384);
        await _client.ExchangeAsync("""{"execute": "query-jobs"}""", """{"return": []}""");
        Assert.Equal(16384UL, progress.Done);
    }

    private Task ExpectAsync(long done) => _client.ExpectAsync(
        $$"""
        {"timestamp": "$timestamp", "event": "MEMORY_BACKEND_PROGRESS",
         "data": {"job-id": "j", "memdev": "/objects/m", "current-progress": {{done}}, "total-progress": {{Length}} } }
        """);
}
