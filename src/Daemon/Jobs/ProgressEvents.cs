using Hostmemd.Commands;
using Hostmemd.Guests;
using Hostmemd.Objects;

namespace Hostmemd.Jobs;

/// <summary>
/// MEMORY_BACKEND_PROGRESS of one job: at most ten in any second, the newest in place of older ones, and the last in any case.
/// </summary>
internal sealed class ProgressEvents : IDisposable
{
    /// <summary>Nine in a second leave room for the last, which waits for nothing.</summary>
    private static readonly TimeSpan Apart = TimeSpan.FromMilliseconds(112);

    private readonly Guest _guest;
    private readonly string _job;
    private readonly MemoryBackend _backend;
    private readonly ulong _length;
    private readonly ITimer _timer;

    /// <summary>Also read outside: the newest figure.</summary>
    private ulong _done;

    /// <summary>1: the timer runs, and will tell the newest.</summary>
    private int _armed;

    // Inside the owner's steps alone.
    private long _toldAt;
    private ulong? _told;
    private bool _ended;

    public ProgressEvents(Guest guest, string job, MemoryBackend backend, ulong length)
    {
        (_guest, _job, _backend, _length) = (guest, job, backend, length);
        _timer = guest.Clock.CreateTimer(_ => Tell(last: false), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Bytes that are done.</summary>
    public ulong Done => Volatile.Read(ref _done);

    /// <summary>More is done, on whichever thread; numbers may come in any order.</summary>
    public void Report(ulong done)
    {
        for (var known = Done; known < done;)
        {
            var seen = Interlocked.CompareExchange(ref _done, done, known);
            if (seen == known)
                break;
            known = seen;
        }

        if (Interlocked.Exchange(ref _armed, 1) != 0)
            return;
        var wait = _guest.Owned(_ => _told is null ? TimeSpan.Zero : Apart - _guest.Clock.GetElapsedTime(_toldAt));
        if (wait <= TimeSpan.Zero)
            Tell(last: false);
        else
            _timer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Tells the last figure where it is not told yet; nothing comes after it.</summary>
    public void Dispose()
    {
        Tell(last: true);
        _timer.Dispose();
    }

    private void Tell(bool last) => _guest.Owned(_ =>
    {
        if (_ended)
            return;
        _ended = last;
        Volatile.Write(ref _armed, 0);
        var done = Done;
        if (done == _told)
            return;
        (_told, _toldAt) = (done, _guest.Clock.GetTimestamp());
        _guest.Raise(Events.MemoryBackendProgress(_job, _backend, done, _length, _guest.Clock));
    });
}
