using Xunit;

namespace Hostmemd.Daemon.Tests.Support;

/// <summary>Waits for what another thread or process does without telling.</summary>
internal static class Eventually
{
    public static async Task TrueAsync(Func<bool> condition, Func<string> describe)
    {
        var end = TimeProvider.System.GetTimestamp() + (long)(QmpClient.Patience.TotalSeconds * TimeProvider.System.TimestampFrequency);
        while (!condition())
        {
            Assert.True(TimeProvider.System.GetTimestamp() < end, describe());
            await Task.Delay(2);
        }
    }
}
