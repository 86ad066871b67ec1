using Hostmemd.Sessions;
using Xunit;

namespace Hostmemd.Daemon.Tests.Sessions;

public class ArrivalsTests
{
    [Fact]
    public async Task The_receiver_goes_on_inside_the_call_that_tells_it()
    {
        var arrivals = new Arrivals(1);
        var receiving = ReceiveAsync();
        Assert.False(receiving.IsCompleted);
        arrivals.Tell();
        Assert.True(receiving.IsCompleted);
        Assert.Equal(Environment.CurrentManagedThreadId, await receiving);

        async Task<int> ReceiveAsync()
        {
            await arrivals.NextAsync().ConfigureAwait(false);
            return Environment.CurrentManagedThreadId;
        }
    }

    [Fact]
    public void What_arrived_while_the_receiver_was_busy_is_told_at_once_and_once()
    {
        var arrivals = new Arrivals(1);
        arrivals.Tell();
        arrivals.Tell();
        Assert.True(arrivals.NextAsync().AsTask().IsCompletedSuccessfully);
        Assert.False(arrivals.NextAsync().AsTask().IsCompleted);
    }

    [Fact]
    public async Task None_is_lost_however_they_meet()
    {
        const int Senders = 3, Each = 20_000;
        var arrivals = new Arrivals(1);
        var arrived = 0;
        var sending = Enumerable.Range(0, Senders).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < Each; i++)
            {
                Interlocked.Increment(ref arrived);
                arrivals.Tell();
            }
        }));
        var receiving = Task.Run(async () =>
        {
            while (Volatile.Read(ref arrived) < Senders * Each)
                await arrivals.NextAsync().ConfigureAwait(false);
        });
        await Task.WhenAll([.. sending, receiving]).WaitAsync(TimeSpan.FromSeconds(60));
    }
}
