using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Sessions;

/// <summary>
/// The threads that wait for clients. The one that is woken by what has arrived serves that client itself: a request changes no thread on its
/// way in (decision 0021). Safe on any thread.
/// </summary>
/// <remarks>
/// While <see cref="Most"/> are at work one more waits, and hands what arrives to the thread pool: so a long command of one client holds up
/// nobody else. While somebody stands in the pool's line all go there, and are served in the order they came.
/// </remarks>
internal sealed class SessionThreads : IDisposable
{
    /// <summary>Threads that serve at the same time; the pool's come beside them.</summary>
    public static int Most => Math.Clamp(Environment.ProcessorCount, 2, 4);

    private readonly ConcurrentDictionary<ulong, Arrivals> _watched = [];
    private readonly Lock _starting = new();
    private SocketPoll? _poll;
    private bool _ended;
    private ulong _lastKey;
    private int _started;
    private int _serving;
    private int _inLine;

    /// <summary>Takes a socket in; what arrives while its receiver waits is told on one of the threads.</summary>
    /// <param name="socket">Stays the caller's.</param>
    /// <exception cref="KernelException">ENOSPC: the host allows no more watches. EMFILE.</exception>
    /// <exception cref="ObjectDisposedException">It is closed already, or the guest has ended.</exception>
    public Arrivals Watch(SafeHandle socket)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _ended), this);
        var poll = Volatile.Read(ref _poll) ?? Begin();
        var arrivals = new Arrivals(Interlocked.Increment(ref _lastKey));
        _watched[arrivals.Key] = arrivals;
        try
        {
            poll.Add(socket, arrivals.Key);
            return arrivals;
        }
        catch
        {
            _watched.TryRemove(arrivals.Key, out _);
            throw;
        }
    }

    /// <summary>
    /// Completes with the next arrival, on the thread that it woke. The socket is watched meanwhile alone: for what comes while its receiver is
    /// at work no thread is woken, as the receiver looks by itself before it waits again.
    /// </summary>
    /// <exception cref="KernelException">ENOENT: it is watched no longer.</exception>
    /// <exception cref="ObjectDisposedException">The socket is closed, or the guest has ended.</exception>
    public ValueTask NextAsync(Arrivals arrivals, SafeHandle socket)
    {
        var next = arrivals.NextAsync();
        if (!next.IsCompleted)
            _poll!.Arm(socket, arrivals.Key);
        return next;
    }

    /// <summary>Watches it no longer.</summary>
    public void Forget(Arrivals arrivals, SafeHandle socket)
    {
        if (!_watched.TryRemove(arrivals.Key, out _))
            return;
        try
        {
            _poll!.Remove(socket);
        }
        catch (ObjectDisposedException)
        {
            // Closed already. Where somebody has a duplicate it is still watched, for nobody.
        }
    }

    /// <summary>Ends the threads, each after what it is at.</summary>
    public void Dispose()
    {
        lock (_starting)
        {
            if (_ended)
                return;
            _ended = true;
            _poll?.End();
            _poll?.Dispose();
        }
    }

    private void Loop(SocketPoll poll)
    {
        try
        {
            while (poll.TryWait(out var key))
            {
                if (!_watched.TryGetValue(key, out var arrivals))
                    continue;
                // Nobody overtakes those who stand in the pool's line.
                if (Interlocked.Increment(ref _serving) <= Most && Volatile.Read(ref _inLine) == 0)
                {
                    EnsureThatOneWaits(poll);
                    arrivals.Tell();
                }
                else
                    HandOver(arrivals);
                Interlocked.Decrement(ref _serving);
            }
        }
        catch (ObjectDisposedException)
        {
            // It ended while this thread was at work.
        }
    }

    private void HandOver(Arrivals arrivals)
    {
        Interlocked.Increment(ref _inLine);
        ThreadPool.UnsafeQueueUserWorkItem(
            static work =>
            {
                Interlocked.Decrement(ref work.Threads._inLine);
                work.Arrivals.Tell();
            },
            (Threads: this, Arrivals: arrivals), preferLocal: false);
    }

    private SocketPoll Begin()
    {
        lock (_starting)
        {
            ObjectDisposedException.ThrowIf(_ended, this);
            if (_poll is not null)
                return _poll;
            var poll = new SocketPoll();
            try
            {
                Start(poll);
            }
            catch
            {
                poll.Dispose();
                throw;
            }
            Volatile.Write(ref _poll, poll);
            return poll;
        }
    }

    private void EnsureThatOneWaits(SocketPoll poll)
    {
        if (Volatile.Read(ref _started) > Most)
            return;
        lock (_starting)
        {
            if (_started > Most || _started > Volatile.Read(ref _serving))
                return;
            try
            {
                Start(poll);
            }
            catch (Exception e) when (e is OutOfMemoryException or ThreadStartException)
            {
                // The host allows no more of them: those that are there go on.
            }
        }
    }

    private void Start(SocketPoll poll)
    {
        new Thread(() => Loop(poll)) { Name = "session", IsBackground = true }.Start();
        _started++;
    }
}
