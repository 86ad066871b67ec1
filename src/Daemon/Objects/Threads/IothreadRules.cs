using Hostmemd.Api;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Objects.Threads;

/// <summary>Which values an iothread's properties take (seen in QEMU 11.1.3).</summary>
internal static class IothreadRules
{
    private const long MaxPollWeight = 63;

    /// <summary>Each value by itself.</summary>
    /// <exception cref="QmpException">The first value that is out of range.</exception>
    public static void Check(IothreadProperties properties)
    {
        CheckRange("aio-max-batch", properties.AioMaxBatch);
        CheckRange("thread-pool-min", properties.ThreadPoolMin);
        CheckRange("thread-pool-max", properties.ThreadPoolMax);
        CheckRange("poll-max-ns", properties.PollMaxNs);
        CheckRange("poll-grow", properties.PollGrow);
        CheckRange("poll-shrink", properties.PollShrink);
        CheckRange("poll-weight", properties.PollWeight, MaxPollWeight);
    }

    /// <summary>The values together; after the id is taken.</summary>
    /// <exception cref="QmpException">They do not go together.</exception>
    public static void CheckTogether(IothreadProperties properties)
    {
        const long defaultMin = 0;
        const long defaultMax = 64;
        if (properties.ThreadPoolMax is 0 or > int.MaxValue || properties.ThreadPoolMin > int.MaxValue
            || (properties.ThreadPoolMin ?? defaultMin) > (properties.ThreadPoolMax ?? defaultMax))
            throw new QmpException("bad thread-pool-min/thread-pool-max values");
    }

    /// <returns>A copy with one property changed.</returns>
    /// <exception cref="QmpException">The value does not fit, or there is no such property.</exception>
    public static IothreadProperties Change(IothreadProperties current, string name, JsonValue value)
    {
        var changed = current.Clone();
        ref var target = ref Find(changed, name);
        target = InputVisitor.ReadValue(name, value, Shapes.Int64, 0L);
        Check(changed);
        CheckTogether(changed);
        changed.FillDefaults();
        return changed;
    }

    private static ref long? Find(IothreadProperties properties, string name)
    {
        switch (name)
        {
            case "aio-max-batch": return ref properties.AioMaxBatch;
            case "thread-pool-min": return ref properties.ThreadPoolMin;
            case "thread-pool-max": return ref properties.ThreadPoolMax;
            case "poll-max-ns": return ref properties.PollMaxNs;
            case "poll-grow": return ref properties.PollGrow;
            case "poll-shrink": return ref properties.PollShrink;
            case "poll-weight": return ref properties.PollWeight;
            default: throw ObjectErrors.PropertyNotWritable("iothread", name);
        }
    }

    private static void CheckRange(string name, long? value, long highest = long.MaxValue)
    {
        if (value is < 0 || value > highest)
            throw new QmpException($"{name} value must be in range [0, {highest}]");
    }
}
