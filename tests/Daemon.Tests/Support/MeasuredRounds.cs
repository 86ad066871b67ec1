namespace Hostmemd.Daemon.Tests.Support;

/// <summary>
/// Measures until what is asked for has been seen. Other programs run on the machine too, so that all of a few rounds may be disturbed; where
/// the daemon itself is slow it is so in every round, until the patience ends.
/// </summary>
internal static class MeasuredRounds
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <param name="least">Rounds that are measured in any case.</param>
    /// <param name="round">Measures once, and says whether the best so far is good enough.</param>
    public static async Task UntilAsync(int least, Func<Task<bool>> round)
    {
        var began = TimeProvider.System.GetTimestamp();
        for (var done = 1; ; done++)
        {
            var isEnough = await round() || TimeProvider.System.GetElapsedTime(began) > Patience;
            if (isEnough && done >= least)
                return;
        }
    }
}
