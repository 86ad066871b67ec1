using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Session;

/// <summary>Handing a session to another process: it is held, described, and there begun again.</summary>
public sealed partial class QmpSession
{
    private readonly Lock _holding = new();
    private SessionHold? _hold;
    private TaskCompletionSource? _holdWaiter;

    /// <summary>Commands that were taken up and not answered.</summary>
    public int Running => Volatile.Read(ref _inFlight) - 1;

    /// <summary>More is waiting to be sent than may: the client does not take its replies.</summary>
    public bool IsFull => Outbox.IsFull;

    internal SessionHold? Held => Volatile.Read(ref _hold);

    /// <summary>The in-band command that runs, where it stops the reading; for that command alone.</summary>
    internal QmpRequest? Stopping { get; set; }

    /// <summary>Takes up no more requests from now on; those that were are answered. One at a time.</summary>
    public SessionHold Hold()
    {
        var hold = new SessionHold();
        lock (_holding)
        {
            Volatile.Write(ref _hold, hold);
            _holdWaiter?.TrySetResult();
        }
        Input.CancelPendingRead();
        return hold;
    }

    /// <summary>Goes on as before.</summary>
    public void Release()
    {
        SessionHold? hold;
        lock (_holding)
        {
            hold = _hold;
            _hold = null;
            _holdWaiter = null;
        }
        hold?.Release();
    }

    /// <summary>Completes when all that waits is sent, or the client is gone.</summary>
    public Task SentAsync() => Outbox.EmptyAsync();

    /// <summary>The reply of the in-band command that runs and stops the reading, with nothing in it: for another process to send.</summary>
    public byte[] FormatReplyOfCommand()
    {
        var reply = new QmpReply(Stopping!, new CommandResult<Nothing>(Nothing.Value, Shapes.Struct), new MessageBuffer());
        return [.. reply.Line.Pieces.SelectMany(piece => piece.ToArray())];
    }

    /// <summary>Completes when the session is held.</summary>
    internal Task HeldAsync()
    {
        lock (_holding)
        {
            if (_hold is not null)
                return Task.CompletedTask;
            _holdWaiter ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _holdWaiter.Task;
        }
    }
}
