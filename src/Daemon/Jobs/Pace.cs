namespace Hostmemd.Jobs;

/// <summary>A limit of speed: bytes become free as time goes by, and what is not used is soon forfeited.</summary>
/// <param name="bytesPerSecond">0: no limit.</param>
/// <param name="unit">Bytes that can only be done together: a page.</param>
/// <remarks>For one thread at a time.</remarks>
internal sealed class Pace(TimeProvider clock, ulong bytesPerSecond, ulong unit)
{
    /// <summary>A tenth of a second's bytes: free at the start, and waited for when nothing is.</summary>
    private readonly ulong _portion = Math.Max(unit, bytesPerSecond / 10);
    private long _since = clock.GetTimestamp();
    private ulong _free = bytesPerSecond / 10;

    public bool IsUnlimited => bytesPerSecond == 0;

    /// <summary>Bytes that may be begun now.</summary>
    public ulong Free
    {
        get
        {
            if (IsUnlimited)
                return ulong.MaxValue;
            var now = clock.GetTimestamp();
            var earned = (UInt128)(ulong)(now - _since) * bytesPerSecond / (ulong)clock.TimestampFrequency;
            if (earned > 0)
            {
                // Two portions: a timer may be late, but the time that a job was paused is no time to catch up with.
                _free = (ulong)UInt128.Min(_free + earned, (UInt128)_portion * 2);
                _since = now;
            }

            return _free;
        }
    }

    public void Spend(ulong bytes)
    {
        if (!IsUnlimited)
            _free -= Math.Min(_free, bytes);
    }

    /// <summary>How long it takes until there is enough to go on with; at most an hour, after which to ask again.</summary>
    public TimeSpan Wait()
    {
        var free = Free;
        if (free >= _portion)
            return TimeSpan.Zero;
        var ticks = ((UInt128)(_portion - free) * TimeSpan.TicksPerSecond / bytesPerSecond) + 1;
        return TimeSpan.FromTicks((long)UInt128.Min(ticks, TimeSpan.TicksPerHour));
    }
}
