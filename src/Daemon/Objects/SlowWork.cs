namespace Hostmemd.Objects;

/// <summary>
/// Runs what may take seconds on threads of its own, four at a time: the pool's two threads serve all sessions, and many at once would only
/// take each other's memory bandwidth. Who waits is served owner by owner, so that nobody who asks for much holds up the others.
/// </summary>
/// <remarks>Any thread may call. One lock, around its own lists alone (decision 0011).</remarks>
internal sealed class SlowWork
{
    /// <summary>How much runs at a time.</summary>
    public const int AtOnce = 4;

    private readonly Lock _lines = new();

    /// <summary>What waits, by owner. No line is empty.</summary>
    private readonly Dictionary<WorkOwner, Queue<TaskCompletionSource>> _waiting = [];

    /// <summary>Whose line is next, each owner of a line once.</summary>
    private readonly Queue<WorkOwner> _order = [];
    private int _running;

    /// <summary>Somebody else waits for a turn: work that can be interrupted should end its own.</summary>
    public bool IsWantedBesides(WorkOwner owner)
    {
        lock (_lines)
            return _order.Count > 1 || (_order.Count == 1 && _order.Peek() != owner);
    }

    /// <inheritdoc cref="RunAsync{T}(WorkOwner, Func{T})"/>
    public Task RunAsync(WorkOwner owner, Action work) => RunAsync(owner, () =>
    {
        work();
        return true;
    });

    /// <summary>Waits for a turn and does the work in it. What the work throws comes out here.</summary>
    public async Task<T> RunAsync<T>(WorkOwner owner, Func<T> work)
    {
        await TurnOfAsync(owner).ConfigureAwait(false);
        try
        {
            return await OnOwnThreadAsync(work).ConfigureAwait(false);
        }
        finally
        {
            EndTurn();
        }
    }

    private Task TurnOfAsync(WorkOwner owner)
    {
        lock (_lines)
        {
            if (_running < AtOnce)
            {
                _running++;
                return Task.CompletedTask;
            }

            var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (!_waiting.TryGetValue(owner, out var line))
            {
                _waiting.Add(owner, line = []);
                _order.Enqueue(owner);
            }
            line.Enqueue(turn);
            return turn.Task;
        }
    }

    /// <summary>Hands the turn to the first of the next owner, who goes to the end where he has more.</summary>
    private void EndTurn()
    {
        lock (_lines)
        {
            if (!_order.TryDequeue(out var owner))
            {
                _running--;
                return;
            }

            var line = _waiting[owner];
            line.Dequeue().SetResult();
            if (line.Count > 0)
                _order.Enqueue(owner);
            else
                _waiting.Remove(owner);
        }
    }

    /// <summary>Does what only waits, as for a process to end: on a thread of its own, and in nobody's turn.</summary>
    public static Task AsideAsync(Action work) => OnOwnThreadAsync(() =>
    {
        work();
        return true;
    });

    private static Task<T> OnOwnThreadAsync<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        })
        { IsBackground = true, Name = "slow-work" };
        try
        {
            thread.Start();
        }
        catch (OutOfMemoryException)
        {
            // The host starts no more threads: others wait longer now, but what is to be undone is undone.
            return Task.Run(work);
        }

        return done.Task;
    }
}
