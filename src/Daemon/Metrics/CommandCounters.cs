using System.Collections.Concurrent;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Metrics;

/// <summary>How often commands were carried out, with what result, and how long they took. Safe on any thread, without a lock.</summary>
internal sealed class CommandCounters
{
    /// <summary>What failed by a bug of ours.</summary>
    public const string Bug = "internal";

    /// <summary>For all names that are no commands: clients can make up any number of those.</summary>
    private const string Unknown = "unknown";

    /// <summary>Upper bounds in seconds.</summary>
    private static readonly double[] AllBounds = [0.00001, 0.000025, 0.0001, 0.00025, 0.001, 0.0025, 0.01, 0.025, 0.1, 1, 10];

    /// <summary>Success, the error classes in their order, and what is a bug. Spelled out: the names of an enum are metadata to be loaded.</summary>
    private static readonly string[] AllResults =
    [
        "ok", nameof(QmpErrorClass.GenericError), nameof(QmpErrorClass.CommandNotFound), nameof(QmpErrorClass.DeviceNotFound),
        nameof(QmpErrorClass.DeviceNotActive), nameof(QmpErrorClass.KVMMissingCap), Bug,
    ];

    private readonly ConcurrentDictionary<string, long[]> _byName = new(StringComparer.Ordinal);
    private readonly long[] _buckets = new long[AllBounds.Length + 1];
    private long _ticks;

    public static IReadOnlyList<double> Bounds => AllBounds;

    /// <summary>A sample for each command and result; what did not occur is left out.</summary>
    public void WriteTo(OpenMetricsWriter metrics)
    {
        foreach (var name in _byName.Keys.Order(StringComparer.Ordinal))
            for (var i = 0; i < AllResults.Length; i++)
                if (Volatile.Read(ref _byName[name][i]) is var count and > 0)
                    metrics.Sample(count, "_total", "command", name, "result", AllResults[i]);
    }

    /// <summary>How many took at most as long as each bound, and last how many there were.</summary>
    public IReadOnlyList<long> Durations
    {
        get
        {
            var sums = new long[_buckets.Length];
            var sum = 0L;
            for (var i = 0; i < sums.Length; i++)
                sums[i] = sum += Volatile.Read(ref _buckets[i]);
            return sums;
        }
    }

    public double SumSeconds => new TimeSpan(Volatile.Read(ref _ticks)).TotalSeconds;

    /// <param name="isKnown">There is such a command; else the name is not kept.</param>
    /// <param name="error">null: it succeeded. Another exception than QmpException is a bug.</param>
    public void Count(string command, bool isKnown, TimeSpan elapsed, Exception? error)
    {
        var counts = _byName.GetOrAdd(isKnown ? command : Unknown, static _ => new long[AllResults.Length]);
        var result = error switch
        {
            null => 0,
            QmpException e => 1 + (int)e.ErrorClass,
            _ => AllResults.Length - 1,
        };
        Interlocked.Increment(ref counts[result]);
        var bucket = 0;
        while (bucket < AllBounds.Length && elapsed.TotalSeconds > AllBounds[bucket])
            bucket++;
        Interlocked.Increment(ref _buckets[bucket]);
        Interlocked.Add(ref _ticks, elapsed.Ticks);
    }
}
