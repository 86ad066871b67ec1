using Xunit;

namespace Hostmemd.Daemon.Tests.Support;

/// <summary>Waits for what another thread or process does without telling.</summary>
internal static class Eventually
{
    /// <param name="condition">May fail to read what it looks at: a process that is just ending, say.</param>
    public static Task TrueAsync(Func<bool> condition, Func<string> describe) => TrueAsync(() => Task.FromResult(condition()), describe);

    public static async Task TrueAsync(Func<Task<bool>> condition, Func<string> describe)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await HoldsAsync())
        {
            Assert.False(IsOver(), describe());
            await Task.Delay(2);
        }

        bool IsOver() => TimeProvider.System.GetElapsedTime(began) > QmpClient.Patience;

        async Task<bool> HoldsAsync()
        {
            try
            {
                return await condition();
            }
            catch (IOException) when (!IsOver())
            {
                return false;
            }
        }
    }
}
