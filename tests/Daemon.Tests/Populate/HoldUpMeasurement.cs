using System.Diagnostics;

namespace Hostmemd.Daemon.Tests.Populate;

/// <summary>What an mmap and munmap of 64 KiB take in this process while something else goes on in it, every half a millisecond.</summary>
internal static class HoldUpMeasurement
{
    private static readonly TimeSpan Every = TimeSpan.FromMicroseconds(500);

    /// <returns>Microseconds, ascending.</returns>
    public static async Task<List<double>> DuringAsync(LinuxKernel kernel, Func<Task> work)
    {
        var times = new List<double>();
        using var stop = new CancellationTokenSource();
        var thread = new Thread(() =>
        {
            do
            {
                var start = Stopwatch.GetTimestamp();
                var at = kernel.Mmap(default, 64 << 10, MemoryProtection.Read | MemoryProtection.Write, MapFlags.Private | MapFlags.Anonymous, null, 0);
                kernel.Munmap(at, 64 << 10);
                times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
                kernel.Pause(Every);
            }
            while (!stop.IsCancellationRequested);
        });
        thread.Start();
        try
        {
            await work();
        }
        finally
        {
            await stop.CancelAsync();
            thread.Join();
        }

        times.Sort();
        return times;
    }

    public static double Quantile(List<double> sorted, double part) => sorted[(int)Math.Min(sorted.Count - 1, part * sorted.Count)];

    public static string Show(List<double> sorted) =>
        $"{sorted.Count} mmaps: p50 {Quantile(sorted, 0.5):0} us, p90 {Quantile(sorted, 0.9):0} us, p99 {Quantile(sorted, 0.99):0} us, worst {sorted[^1]:0} us";
}
