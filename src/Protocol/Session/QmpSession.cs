using System.Collections.Immutable;
using System.IO.Pipelines;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Session;

/// <summary>
/// One client's side of the protocol: negotiation, capabilities, subscriptions, commands in turn, what waits to be sent. All of it ends with
/// the client. Safe on any thread.
/// </summary>
public sealed partial class QmpSession : IDisposable
{
    private readonly IDuplexPipe _pipe;
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ImmutableHashSet<string> _subscriptions = [];
    private volatile bool _negotiated;
    private volatile bool _oobEnabled;
    private volatile bool _finishing;
    private int _inFlight = 1; // one for the reader
    private MessageBuffer? _spareBuffer;

    /// <param name="pipe">The connection; it stays the caller's to close, once the session has ended.</param>
    /// <param name="readOnly">Only commands that change nothing may be called.</param>
    /// <param name="eventsLost">Makes the event that tells how many events on request were dropped.</param>
    /// <param name="sendAttached">Sends what <see cref="Attach"/> takes, past the pipe, which has nothing left to write meanwhile.</param>
    /// <param name="budget">Shared by all sessions of a program; null: this session has one of its own.</param>
    public QmpSession(
        IDuplexPipe pipe, bool readOnly = false, Func<ulong, EventMessage>? eventsLost = null, AttachmentSender? sendAttached = null,
        InputBudget? budget = null)
    {
        _pipe = pipe;
        ReadOnly = readOnly;
        Budget = budget ?? new InputBudget();
        Account = new InputAccount(Budget);
        Outbox = new Outbox(pipe.Output, Account, eventsLost, sendAttached);
    }

    public bool ReadOnly { get; }

    public bool IsNegotiated => _negotiated;

    public bool IsOobEnabled => _oobEnabled;

    /// <summary>Names of the events on request that this client gets.</summary>
    public ImmutableHashSet<string> Subscriptions => _subscriptions;

    /// <summary>Bytes of input up to the end of the in-band command that runs; for that command alone.</summary>
    public long CommandEnd { get; internal set; }

    /// <summary>The connection can carry more than bytes.</summary>
    public bool CanAttach => Outbox.CanAttach;

    /// <summary>Completes when the client is gone.</summary>
    public Task Closed => Outbox.Closed;

    internal Outbox Outbox { get; }

    internal InputBudget Budget { get; }

    /// <summary>What this session's input takes of the budget.</summary>
    internal InputAccount Account { get; }

    internal InBandQueue InBand { get; } = new();

    internal PipeReader Input => _pipe.Input;

    /// <summary>Reading is over: the program is ending, or the client said so.</summary>
    internal bool IsFinishing => _finishing;

    /// <summary>Ends negotiation mode: from here on the session takes every command of its table.</summary>
    /// <exception cref="QmpException">Negotiation was over before.</exception>
    public void Negotiate(bool enableOob)
    {
        if (_negotiated)
            throw ProtocolErrors.AlreadyNegotiated();
        _oobEnabled = enableOob;
        _negotiated = true;
    }

    /// <summary>Replaces the set of events on request.</summary>
    public void Subscribe(ImmutableHashSet<string> names) => _subscriptions = names;

    /// <summary>
    /// Reads guest state for the running in-band command's reply: events of later generations wait until that reply is in. Not for
    /// out-of-band commands, whose reply does not end it.
    /// </summary>
    public T Pin<T>(Func<(T State, ulong Generation)> read) => Outbox.Pin(read);

    /// <summary>
    /// Hands over what is to arrive with the first byte of the running in-band command's reply. It is disposed when it was sent, or when it
    /// cannot be: the command failed, the client left. One a command, and only where <see cref="CanAttach"/>.
    /// </summary>
    public void Attach(IDisposable attachment) => Outbox.Attach(attachment);

    /// <summary>Sends an event, if this client is to have it. Returns at once.</summary>
    /// <param name="generation">The published change that the event tells of; 0 for none.</param>
    public void Post(EventMessage message, ulong generation)
    {
        if (_negotiated && (!message.Declaration.OnRequest || _subscriptions.Contains(message.Declaration.Name)))
            Outbox.Post(ReadOnly ? message.ForReadOnly ?? message : message, generation);
    }

    /// <summary>Stops reading, lets the commands that run answer, and sends what waits.</summary>
    /// <returns>Completes when all is sent or the client is gone; a client that never reads keeps it waiting, so callers set a limit.</returns>
    public async Task FinishAsync()
    {
        _finishing = true;
        Input.CancelPendingRead();
        await Task.WhenAny(_drained.Task, Closed).ConfigureAwait(false);
        await Outbox.EmptyAsync().ConfigureAwait(false);
    }

    /// <summary>Gives up on the client at once.</summary>
    public void Dispose()
    {
        _finishing = true;
        Outbox.Dispose();
        Input.CancelPendingRead();
    }

    /// <summary>An empty buffer for one reply.</summary>
    internal MessageBuffer TakeBuffer() => Interlocked.Exchange(ref _spareBuffer, null) ?? new MessageBuffer();

    /// <summary>Takes back what <see cref="TakeBuffer"/> gave.</summary>
    internal void GiveBack(MessageBuffer buffer)
    {
        buffer.Reset();
        _spareBuffer = buffer;
    }

    internal void CommandStarted() => Interlocked.Increment(ref _inFlight);

    internal void CommandEnded()
    {
        if (Interlocked.Decrement(ref _inFlight) == 0)
            _drained.TrySetResult();
    }

    /// <summary>The reader read its last request.</summary>
    /// <returns>Completes when every reply was sent or the client is gone.</returns>
    internal Task DrainAsync()
    {
        CommandEnded();
        return FinishAsync();
    }
}
