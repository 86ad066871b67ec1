using System.Globalization;
using Xunit;

namespace Hostmemd.Daemon.Tests.Objects;

/// <summary>
/// A few huge pages more for the time of the tests that use it. The pool is the whole machine's, so a lock file keeps away other runs of these
/// tests and transcripts that want no huge pages, and its size is put back.
/// </summary>
public sealed class HugePagePoolFixture : IAsyncLifetime
{
    public const ulong PageSize = 2 << 20;

    /// <summary>Pages that are added.</summary>
    public const ulong Added = 8;

    private const string PoolSize = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

    private FileStream? _lock;
    private ulong _before;

    public async Task InitializeAsync()
    {
        // Made whether the tests that use it are skipped or not.
        if (WhyNot() is not null)
            return;
        _lock = await TakeLockAsync();
        _before = Pool.Total!.Value;
        Resize(_before + Added);
    }

    /// <summary>The pool as it is now.</summary>
    public static HugePagePool Pool => HugePagePool.Read(HostFiles.ThisHost, PageSize);

    /// <summary>Why this process cannot change the pool; null: it can.</summary>
    public static string? WhyNot()
    {
        if (!File.Exists(PoolSize))
            return "this kernel has no huge pages of 2 MiB";
        try
        {
            using var _ = new FileStream(PoolSize, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"the pool of huge pages cannot be changed: {e.Message}";
        }
    }

    /// <summary>Adds more pages for one test, as many as the host has room for.</summary>
    public static More AddForAWhile(ulong pages)
    {
        var before = Pool.Total!.Value;
        Resize(before + pages);
        return new More(before, Pool.Total!.Value - before);
    }

    public async Task DisposeAsync()
    {
        if (_lock is null)
            return;
        Resize(_before);
        await _lock.DisposeAsync();
    }

    private static void Resize(ulong pages)
    {
        var size = pages.ToString(CultureInfo.InvariantCulture);
        File.WriteAllText(PoolSize, size);
        if (Pool.Total >= pages)
            return;
        // What is free may lie in pieces that are too small.
        File.WriteAllText("/proc/sys/vm/compact_memory", "1");
        File.WriteAllText(PoolSize, size);
    }

    private static async Task<FileStream> TakeLockAsync()
    {
        var end = TimeProvider.System.GetTimestamp() + (long)(60 * TimeProvider.System.TimestampFrequency);
        while (true)
        {
            try
            {
                return new FileStream(
                    Path.Combine(Path.GetTempPath(), "hostmemd-tests-hugepages.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (TimeProvider.System.GetTimestamp() < end)
            {
                await Task.Delay(20);
            }
        }
    }

    /// <param name="pages">How many there are more.</param>
    public sealed class More(ulong before, ulong pages) : IDisposable
    {
        public ulong Pages { get; } = pages;

        public void Dispose() => Resize(before);
    }
}
