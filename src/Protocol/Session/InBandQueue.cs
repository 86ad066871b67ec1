namespace Hostmemd.Protocol.Session;

/// <summary>
/// A session's in-band commands: one at a time, in the order they came. As in QEMU at most <see cref="Capacity"/> wait behind the running one;
/// then reading stops, and an out-of-band command behind them waits too.
/// </summary>
internal sealed class InBandQueue
{
    /// <summary>Commands that may wait (seen in QEMU 11.1.3: with 7 waiting an exec-oob is still read, with 8 it is not).</summary>
    public const int Capacity = 8;

    private readonly Lock _gate = new();
    private readonly Queue<TaskCompletionSource> _waiting = new();
    private bool _running;
    private TaskCompletionSource? _roomWaiter;

    public bool IsFull
    {
        get
        {
            lock (_gate)
                return _waiting.Count >= Capacity;
        }
    }

    /// <summary>Completes when it is the caller's turn; <see cref="Leave"/> ends the turn.</summary>
    public ValueTask EnterAsync()
    {
        lock (_gate)
        {
            if (!_running)
            {
                _running = true;
                return default;
            }
            var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(turn);
            return new ValueTask(turn.Task);
        }
    }

    public void Leave()
    {
        lock (_gate)
        {
            if (_waiting.TryDequeue(out var next))
                next.SetResult();
            else
                _running = false;
            if (_waiting.Count < Capacity)
            {
                _roomWaiter?.TrySetResult();
                _roomWaiter = null;
            }
        }
    }

    public Task RoomAsync()
    {
        lock (_gate)
        {
            if (_waiting.Count < Capacity)
                return Task.CompletedTask;
            _roomWaiter ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _roomWaiter.Task;
        }
    }
}
