namespace Hostmemd.Protocol.Session;

/// <summary>
/// A session's in-band commands: one at a time, in the order they came. As in QEMU at most <see cref="Capacity"/> wait behind the running one;
/// then reading stops, and an out-of-band command behind them waits too. It also stops while they take much memory.
/// </summary>
internal sealed class InBandQueue
{
    /// <summary>Commands that may wait (seen in QEMU 11.1.3: with 7 waiting an exec-oob is still read, with 8 it is not).</summary>
    public const int Capacity = 8;

    /// <summary>Bytes of memory that the commands may take before reading stops.</summary>
    private const long CostLimit = 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly Queue<TaskCompletionSource> _waiting = new();
    private bool _running;
    private long _cost;
    private TaskCompletionSource? _roomWaiter;

    public bool IsFull
    {
        get
        {
            lock (_gate)
                return MustWait;
        }
    }

    private bool MustWait => _waiting.Count >= Capacity || _cost > CostLimit;

    /// <summary>Completes when it is the caller's turn; <see cref="Leave"/> ends the turn.</summary>
    /// <param name="cost">Bytes of memory that the command takes.</param>
    public ValueTask EnterAsync(long cost)
    {
        lock (_gate)
        {
            _cost += cost;
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

    /// <param name="cost">As when it entered.</param>
    public void Leave(long cost)
    {
        lock (_gate)
        {
            _cost -= cost;
            if (_waiting.TryDequeue(out var next))
                next.SetResult();
            else
                _running = false;
            if (!MustWait)
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
            if (!MustWait)
                return Task.CompletedTask;
            _roomWaiter ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _roomWaiter.Task;
        }
    }
}
