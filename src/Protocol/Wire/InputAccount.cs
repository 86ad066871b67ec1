namespace Hostmemd.Protocol.Wire;

/// <summary>What one session's input takes of the <see cref="InputBudget"/>. Safe on any thread.</summary>
internal sealed class InputAccount(InputBudget budget)
{
    private readonly Lock _gate = new();
    private long _held;
    private bool _closed;

    /// <returns>false: there is no room for so much, and nothing was taken.</returns>
    public bool TryAdd(long bytes)
    {
        lock (_gate)
        {
            if (_closed)
                return true;
            var more = Charge(_held + bytes) - Charge(_held);
            if (more > 0 && !budget.TryTake(more))
                return false;
            _held += bytes;
            return true;
        }
    }

    public void Remove(long bytes)
    {
        long less;
        lock (_gate)
        {
            if (_closed)
                return;
            less = Charge(_held) - Charge(_held - bytes);
            _held -= bytes;
        }
        if (less > 0)
            budget.Return(less);
    }

    /// <summary>The session has ended: all is given back, and what is said later counts no more.</summary>
    public void Close()
    {
        long rest;
        lock (_gate)
        {
            rest = _closed ? 0 : Charge(_held);
            _closed = true;
        }
        if (rest > 0)
            budget.Return(rest);
    }

    private static long Charge(long held) => Math.Max(0, held - InputBudget.OwnBytes);
}
