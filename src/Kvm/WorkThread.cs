using System.Collections.Concurrent;

// The tasks here are completed by the thread of this class, which waits for nobody: the deadlock that the rule fears cannot be.
#pragma warning disable VSTHRD003

namespace Hostmemd.Kvm;

/// <summary>One named thread with a bounded queue of synchronous work. The thread blocks; nothing on it ever awaits.</summary>
/// <remarks>Waiting costs no processor time: between two commands of a client it would be taken from that client.</remarks>
internal sealed class WorkThread : IAsyncDisposable
{
    public const int QueueLimit = 1024;

    private readonly ConcurrentQueue<Item> _queue = new();
    private readonly AutoResetEvent _queued = new(false);
    private readonly SemaphoreSlim _free = new(QueueLimit);
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string _name;
    private readonly Thread _thread;
    private Action? _last;
    private int _disposed;
    private volatile bool _drained;

    public WorkThread(string name)
    {
        _name = name;
        _thread = new Thread(Loop) { Name = name, IsBackground = true };
    }

    /// <summary>Work that waits.</summary>
    public int Waiting => _queue.Count;

    public bool IsCurrent => Thread.CurrentThread == _thread;

    public void Start() => _thread.Start();

    /// <summary>Queues work; waits without a thread while the queue is full.</summary>
    /// <param name="stay">The caller goes on on this thread; else it never does.</param>
    /// <exception cref="ObjectDisposedException">The thread has ended, or did before the work's turn came.</exception>
    public async Task<T> RunAsync<T>(Func<T> work, bool stay = false)
    {
        try
        {
            await _free.WaitAsync(_closing.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw new ObjectDisposedException(_name);
        }

        var item = new Item<T>(work, stay);
        _queue.Enqueue(item);
        _queued.Set();
        // The thread may have emptied the queue for the last time just before: then nobody else would answer this item.
        Interlocked.MemoryBarrier();
        if (_drained)
            Drain();
        return await item.Task.ConfigureAwait(false);
    }

    /// <summary>Ends the thread after the work it is at: <paramref name="last"/> runs on it, what was still queued fails.</summary>
    public async Task EndAsync(Action? last)
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _last = last;
            await _closing.CancelAsync().ConfigureAwait(false);
            _queued.Set();
        }

        await _ended.Task.ConfigureAwait(false);
    }

    public ValueTask DisposeAsync() => new(EndAsync(null));

    private void Loop()
    {
        while (true)
        {
            if (_closing.IsCancellationRequested)
                break;
            if (!_queue.TryDequeue(out var item))
            {
                _queued.WaitOne();
                continue;
            }
            _free.Release();
            item.Run();
        }

        Exception? failure = null;
        try
        {
            _last?.Invoke();
        }
#pragma warning disable CA1031 // Whoever ends the thread gets it; here it would end the process.
        catch (Exception e)
#pragma warning restore CA1031
        {
            failure = e;
        }

        _drained = true;
        Interlocked.MemoryBarrier();
        Drain();
        if (failure is null)
            _ended.SetResult();
        else
            _ended.SetException(failure);
    }

    private void Drain()
    {
        while (_queue.TryDequeue(out var item))
            item.Abandon(new ObjectDisposedException(_name));
    }

    private abstract class Item
    {
        public abstract void Run();

        public abstract void Abandon(Exception reason);
    }

    private sealed class Item<T>(Func<T> work, bool stay) : Item
    {
        private readonly TaskCompletionSource<T> _result =
            new(stay ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<T> Task => _result.Task;

        public override void Run()
        {
            try
            {
                _result.SetResult(work());
            }
#pragma warning disable CA1031 // Every exception is the caller's: it gets it from the task.
            catch (Exception e)
#pragma warning restore CA1031
            {
                _result.SetException(e);
            }
        }

        public override void Abandon(Exception reason) => _result.SetException(reason);
    }
}
