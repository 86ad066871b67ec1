using Hostmemd.Daemon.Tests.Processes;

namespace Hostmemd.Daemon.Tests.Load;

/// <summary>The most that the daemon had resident while something went on, beyond what it had before.</summary>
internal static class PeakMemory
{
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(20);

    /// <returns>Bytes.</returns>
    public static async Task<long> GrowthAsync(DaemonFixture daemon, Func<Task> work)
    {
        var before = ProcessResources.Resident(daemon.Pid);
        var peak = before;
        var working = work();
        while (!working.IsCompleted)
        {
            peak = Math.Max(peak, ProcessResources.Resident(daemon.Pid));
            await Task.WhenAny(working, Task.Delay(Every));
        }
        await working;
        return Math.Max(peak, ProcessResources.Resident(daemon.Pid)) - before;
    }
}
