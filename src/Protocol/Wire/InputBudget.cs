namespace Hostmemd.Protocol.Wire;

/// <summary>
/// Memory that input of all sessions may take together: values that are unfinished, that wait or are worked on, and that go back in a reply
/// which was not taken yet. Safe on any thread.
/// </summary>
/// <remarks>
/// Each session has <see cref="OwnBytes"/> besides, so that a request of ordinary size is always taken. One value can be of 64 MiB (QEMU's
/// limit), and a thousand clients could send one each.
/// </remarks>
public sealed class InputBudget(long limit = InputBudget.DefaultLimit)
{
    public const long DefaultLimit = 256 * 1024 * 1024;

    /// <summary>What a session may hold without asking.</summary>
    public const long OwnBytes = 64 * 1024;

    /// <summary>Values above this are worked on one after another: an answer to one can take several times its memory.</summary>
    public const long LargeValue = 4 * 1024 * 1024;

    /// <summary>So much may wait for the garbage collector while other input comes.</summary>
    private const long GarbageLimit = 64 * 1024 * 1024;

    private long _used;
    private long _garbage;

    /// <summary>Bytes, for all sessions.</summary>
    public long Limit { get; } = limit;

    public long Used => Interlocked.Read(ref _used);

    /// <summary>Called when much was given back, or when after a large value little is in use; on the thread that gave it back.</summary>
    public Action? Relieved { get; init; }

    internal SemaphoreSlim LargeTurn { get; } = new(1, 1);

    internal bool TryTake(long bytes)
    {
        if (Interlocked.Add(ref _used, bytes) <= Limit)
            return true;
        Interlocked.Add(ref _used, -bytes);
        return false;
    }

    internal void Return(long bytes)
    {
        var left = Interlocked.Add(ref _used, -bytes);
        var garbage = Interlocked.Add(ref _garbage, bytes);
        if (garbage < GarbageLimit && (bytes < LargeValue || left >= LargeValue))
            return;
        Interlocked.Exchange(ref _garbage, 0);
        Relieved?.Invoke();
    }
}
