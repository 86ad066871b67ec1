namespace Hostmemd.Kvm;

/// <summary>
/// How far a run of <see cref="MappedMemory.Populate(PopulateOptions, CancellationToken)"/> may go: its threads take their chunks here, and
/// wait where nothing is granted. Any thread may grant and stop.
/// </summary>
public sealed class PopulateCredit
{
    private readonly object _lock = new();
    private ulong _granted;
    private ulong _taken;
    private ulong _done;
    private bool _stopped;

    /// <summary>More is granted than is done.</summary>
    public bool IsOutstanding
    {
        get
        {
            lock (_lock)
                return _done < _granted;
        }
    }

    /// <summary>Bytes that are done.</summary>
    public ulong Done
    {
        get
        {
            lock (_lock)
                return _done;
        }
    }

    /// <summary>Lets it go on to so many bytes in all, a multiple of the page. Fewer than before change nothing.</summary>
    public void Grant(ulong total)
    {
        lock (_lock)
        {
            _granted = Math.Max(_granted, total);
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>No chunk is begun from here on.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            _stopped = true;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>The next chunk; waits for credit.</summary>
    /// <returns>false: stopped, or all of the range is taken.</returns>
    internal bool TryTake(ulong length, ulong chunk, out ulong from, out ulong size)
    {
        lock (_lock)
        {
            while (!_stopped && _taken < length && _taken >= _granted)
                Monitor.Wait(_lock);
            from = _taken;
            size = _stopped || _taken >= length ? 0 : Math.Min(chunk, Math.Min(length, _granted) - _taken);
            _taken += size;
            return size > 0;
        }
    }

    /// <summary>A chunk is done.</summary>
    /// <returns>Bytes that are done in all.</returns>
    internal ulong Complete(ulong size)
    {
        lock (_lock)
            return _done += size;
    }
}
