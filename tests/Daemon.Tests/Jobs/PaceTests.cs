using Hostmemd.Jobs;
using Xunit;

namespace Hostmemd.Daemon.Tests.Jobs;

/// <summary>A limit of speed by a clock that stands still unless told.</summary>
public sealed class PaceTests
{
    private const ulong Page = 4096;

    private readonly ManualClock _clock = new();

    [Fact]
    public void Without_a_limit_everything_is_free_at_once()
    {
        var pace = new Pace(_clock, 0, Page);
        pace.Spend(ulong.MaxValue);
        Assert.Equal(ulong.MaxValue, pace.Free);
    }

    [Fact]
    public void A_tenth_of_a_second_is_free_at_the_start_and_the_rest_as_time_goes_by()
    {
        var pace = new Pace(_clock, 10_000_000, Page);
        Assert.Equal(1_000_000UL, pace.Free);
        pace.Spend(1_000_000);
        Assert.Equal(100, pace.Wait().TotalMilliseconds, 0.001);

        _clock.Advance(TimeSpan.FromMilliseconds(50));
        Assert.Equal(500_000UL, pace.Free);
        Assert.Equal(50, pace.Wait().TotalMilliseconds, 0.001);
        _clock.Advance(TimeSpan.FromMilliseconds(50));
        Assert.Equal(TimeSpan.Zero, pace.Wait());
    }

    [Fact]
    public void Time_that_was_not_used_is_not_caught_up_with()
    {
        var pace = new Pace(_clock, 10_000_000, Page);
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(2_000_000UL, pace.Free);
    }

    [Theory]
    [InlineData(1UL, 4096.0)]
    [InlineData(1024UL, 4.0)]
    public void What_is_slower_than_a_page_in_a_tenth_of_a_second_waits_for_a_page(ulong speed, double seconds)
    {
        var pace = new Pace(_clock, speed, Page);
        pace.Spend(pace.Free);
        var waited = TimeSpan.Zero;
        // It is asked again after an hour at most.
        for (var wait = pace.Wait(); wait > TimeSpan.Zero; wait = pace.Wait())
        {
            Assert.InRange(wait, TimeSpan.Zero, TimeSpan.FromHours(1));
            _clock.Advance(wait);
            waited += wait;
        }

        Assert.Equal(seconds, waited.TotalSeconds, 0.01);
        Assert.Equal(Page, pace.Free);
    }

    [Fact]
    public void The_largest_speed_overflows_nothing()
    {
        var pace = new Pace(_clock, ulong.MaxValue, 1 << 30);
        pace.Spend(pace.Free);
        Assert.InRange(pace.Wait(), TimeSpan.FromTicks(1), TimeSpan.FromMilliseconds(101));
        _clock.Advance(TimeSpan.FromDays(1000));
        Assert.Equal(ulong.MaxValue / 10 * 2, pace.Free);
    }
}
