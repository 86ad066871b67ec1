using System.Threading.Tasks.Sources;

namespace Hostmemd.Sessions;

/// <summary>Tells the one receiver of a socket when something may have arrived since it looked last.</summary>
/// <param name="key">What the socket is called by those who watch it.</param>
internal sealed class Arrivals(ulong key) : IValueTaskSource
{
    private const int None = 0;
    private const int Awaited = 1;
    private const int Some = 2;

    private ManualResetValueTaskSourceCore<bool> _next;
    private int _state;

    public ulong Key => key;

    /// <summary>
    /// Completes with the next arrival, at once if there was one since the last time. Whoever awaits it goes on inside <see cref="Tell"/>.
    /// One at a time.
    /// </summary>
    public ValueTask NextAsync()
    {
        _next.Reset();
        if (Interlocked.CompareExchange(ref _state, Awaited, None) == None)
            return new ValueTask(this, _next.Version);
        Volatile.Write(ref _state, None);
        return default;
    }

    /// <summary>Something has arrived: the receiver goes on, or will not wait the next time. Any thread.</summary>
    public void Tell()
    {
        // Of two who tell at once one lets the receiver go on; what the other saw is there by then.
        if (Interlocked.CompareExchange(ref _state, Some, None) == Awaited
            && Interlocked.CompareExchange(ref _state, None, Awaited) == Awaited)
            _next.SetResult(true);
    }

    void IValueTaskSource.GetResult(short token) => _next.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _next.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _next.OnCompleted(continuation, state, token, flags);
}
