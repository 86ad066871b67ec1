using System.Buffers;
using System.IO.Pipelines;
using Hostmemd.Protocol.Wire;
using Nerdbank.Streams;

namespace Hostmemd.Protocol.Session;

/// <summary>
/// What waits to be sent to one client: replies and events in one order, taken by one writer, so that an event never lands inside a reply.
/// Safe on any thread; nobody waits here for a slow client.
/// </summary>
/// <remarks>
/// <para>Order. A command that reads the guest's state pins the generation it saw. Events of later generations wait until its reply is in, so
/// that no reply lists a device whose DEVICE_DELETED was sent before.</para>
/// <para>Bounds. Above <see cref="HighMark"/> the session stops reading requests. Events on request are dropped above it, counted, and
/// reported by one EVENTS_LOST when there is room. A standard event is never dropped: a client that leaves a whole
/// <see cref="HighMark"/> of them lying is disconnected, and so is one whose running command holds so many.</para>
/// </remarks>
internal sealed partial class Outbox(
    PipeWriter output, InputAccount account, Func<ulong, EventMessage>? eventsLost, AttachmentSender? sendAttached = null) : IDisposable
{
    /// <summary>Bytes that may wait for a client.</summary>
    public const long HighMark = 1024 * 1024;

    /// <summary>Room for a reply and the events behind it: each piece of memory is a system call of its own.</summary>
    private const int PieceSize = 1024;

    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _closedSource = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HeldEvents _held = new(HighMark);
    private readonly Attachments _attachments = new();
    private Sequence<byte> _filling = NewSequence();
    private Sequence<byte> _sending = NewSequence();
    private long _fillingCost;
    private long _sendingCost;
    private long _standardBytes;
    private ulong _lost;
    private ulong? _pinned;
    private bool _isSending;
    private bool _corked;
    private bool _closed;
    private TaskCompletionSource? _roomWaiter;
    private TaskCompletionSource? _emptyWaiter;

    /// <summary>Completes when the client is gone, was too slow, or was given up.</summary>
    public Task Closed => _closedSource.Task;

    public bool IsFull
    {
        get
        {
            lock (_gate)
                return MustWait;
        }
    }

    /// <summary>Attachments can be sent.</summary>
    public bool CanAttach => sendAttached is not null;

    private bool MustWait => IsOverMark || (!_closed && _attachments.IsFull);

    private bool IsOverMark => !_closed && _filling.Length + _sending.Length > HighMark;

    /// <summary>Reads state that events may overtake otherwise; the generation stays pinned until the next reply.</summary>
    public T Pin<T>(Func<(T State, ulong Generation)> read)
    {
        lock (_gate)
        {
            var (state, generation) = read();
            // A command that reads twice is bound by what it read first.
            _pinned = Math.Min(_pinned ?? generation, generation);
            return state;
        }
    }

    /// <summary>A message before all commands: the greeting.</summary>
    public void Greet(ReadOnlySpan<byte> utf8)
    {
        lock (_gate)
            Append(utf8);
        Send();
    }

    /// <summary>A reply, already formatted; it ends the pin, and what waited behind it follows.</summary>
    /// <param name="line">Its long pieces are kept by reference until they are sent, the others are copied.</param>
    /// <param name="inBand">It is the reply of the in-band command that runs: it ends the pin.</param>
    /// <param name="takesAttachment">What the command attached goes with it; else that is dropped.</param>
    /// <param name="cost">What the request takes of the account; it is given back when the reply, which may refer to it, is sent.</param>
    public void Reply(MessageBuffer line, bool inBand, bool takesAttachment = false, long cost = 0)
    {
        lock (_gate)
        {
            var begin = _filling.Length;
            foreach (var piece in line.Pieces)
                Append(piece);
            _fillingCost += cost;
            if (inBand)
            {
                if (takesAttachment)
                    _attachments.Bind(begin, (int)Math.Min(_filling.Length - begin, int.MaxValue));
                _attachments.DropNext();
                Unpin();
            }
        }
        Send();
    }

    /// <summary>Takes what goes with the first byte of the running in-band command's reply, and owns it from here on.</summary>
    public void Attach(IDisposable attachment)
    {
        lock (_gate)
        {
            if (_closed)
                attachment.Dispose();
            else
                _attachments.Add(attachment);
        }
    }

    /// <summary>An event. Returns at once; the bytes leave from another thread, as the caller may hold a lock.</summary>
    public void Post(EventMessage message, ulong generation)
    {
        lock (_gate)
        {
            if (_closed)
                return;
            if (_pinned < generation)
            {
                // It leaves with the reply that it waits for.
                Hold(message);
                return;
            }
            AppendEvent(message);
        }
        ThreadPool.UnsafeQueueUserWorkItem(static outbox => outbox.Send(), this, preferLocal: false);
    }

    /// <summary>Holds bytes back while more requests of the same input are worked on, so that their replies leave in one write.</summary>
    public void Cork()
    {
        lock (_gate)
            _corked = true;
    }

    public void Uncork()
    {
        lock (_gate)
            _corked = false;
        Send();
    }

    /// <summary>Completes when there is room again, or the client is gone.</summary>
    public Task RoomAsync() => WaitAsync(ref _roomWaiter, () => MustWait);

    /// <summary>Completes when everything was sent, or the client is gone.</summary>
    public Task EmptyAsync() => WaitAsync(ref _emptyWaiter, () => !_closed && (_isSending || _filling.Length > 0));

    /// <summary>Gives up on the client: what waits is dropped.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_closed)
                return;
            _closed = true;
            _filling.Reset();
            _held.TakeAll();
            _attachments.DropWaiting();
            Wake();
        }
        account.Close();
        _closedSource.TrySetResult();
        output.CancelPendingFlush();
    }

    /// <summary>Without a pool named each would make one of its own, with seven kilobytes of empty buckets.</summary>
    private static Sequence<byte> NewSequence() => new(ArrayPool<byte>.Shared) { MinimumSpanLength = PieceSize };

    private Task WaitAsync(ref TaskCompletionSource? waiter, Func<bool> mustWait)
    {
        lock (_gate)
        {
            if (!mustWait())
                return Task.CompletedTask;
            waiter ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return waiter.Task;
        }
    }

    private void Unpin()
    {
        _pinned = null;
        foreach (var message in _held.TakeAll())
            AppendEvent(message);
    }

    private void Hold(EventMessage message)
    {
        if (!_held.TryAdd(message))
            _lost++;
        if (_held.IsTooMany)
            Dispose();
    }

    private void AppendEvent(EventMessage message)
    {
        if (_closed)
            return;
        if (message.Declaration.OnRequest && IsOverMark)
        {
            _lost++;
            return;
        }
        AppendLost();
        Append(message.Utf8.Span);
        if (!message.Declaration.OnRequest)
            _standardBytes += message.Utf8.Length;
        if (_standardBytes > HighMark)
            Dispose();
    }

    private void AppendLost()
    {
        if (_lost == 0 || eventsLost is null || IsOverMark)
            return;
        Append(eventsLost(_lost).Utf8.Span);
        _lost = 0;
    }

    private void Append(ReadOnlyMemory<byte> utf8)
    {
        if (utf8.Length < MessageBuffer.SharedFrom)
            Append(utf8.Span);
        else if (!_closed)
            _filling.Append(utf8);
    }

    private void Append(ReadOnlySpan<byte> utf8)
    {
        if (_closed)
            return;
        utf8.CopyTo(_filling.GetSpan(utf8.Length));
        _filling.Advance(utf8.Length);
    }
}
