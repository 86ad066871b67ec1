using System.Collections.Concurrent;

// The tasks here are completed by the thread of this class, which waits for nobody: the deadlock that the rule fears cannot be.
#pragma warning disable VSTHRD003

namespace Hostmemd.Kvm;

/// <summary>One named thread with a bounded queue of synchronous work. The thread blocks; nothing on it ever awaits.</summary>
/// <remarks>Waiting costs no processor time: between two commands of a client it would be taken from that client.</remarks>
internal sealed class WorkThread : IAsyncDisposable
{
    public const int QueueLimit = 1024;

    private readonly ConcurrentQueue<IItem> _queue = new();
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

    public void Start() => _thread.Start();

    /// <summary>Queues work; waits without a thread while the queue is full.</summary>
    /// <param name="stay">The caller goes on on this thread; else it never does.</param>
    /// <exception cref="ObjectDisposedException">The thread has ended, or did before the work's turn came.</exception>
    public Task<T> RunAsync<T>(Func<T> work, bool stay = false)
    {
        var item = new Item<T>(work, stay);
#pragma warning disable VSTHRD103 // It looks and does not wait.
        if (!_free.Wait(0))
#pragma warning restore VSTHRD103
            return WaitAndQueueAsync(item);
        Queue(item);
        return item.Task;
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

    private async Task<T> WaitAndQueueAsync<T>(Item<T> item)
    {
        try
        {
            await _free.WaitAsync(_closing.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw new ObjectDisposedException(_name);
        }
        Queue(item);
        return await item.Task.ConfigureAwait(false);
    }

    private void Queue(IItem item)
    {
        _queue.Enqueue(item);
        _queued.Set();
        // The thread may have emptied the queue for the last time just before: then nobody else would answer this item.
        Interlocked.MemoryBarrier();
        if (_drained)
            Drain();
    }

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

    private interface IItem
    {
        void Run();

        void Abandon(Exception reason);
    }

    private sealed class Item<T>(Func<T> work, bool stay)
        : TaskCompletionSource<T>(stay ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously), IItem
    {
        public void Run()
        {
            try
            {
                SetResult(work());
            }
#pragma warning disable CA1031 // Every exception is the caller's: it gets it from the task.
            catch (Exception e)
#pragma warning restore CA1031
            {
                SetException(e);
            }
        }

        public void Abandon(Exception reason) => SetException(reason);
    }
}
