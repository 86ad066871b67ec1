using System.Diagnostics;
using Hostmemd.Protocol.Session;
using StreamJsonRpc;
using StreamJsonRpc.Protocol;

namespace Hostmemd.Protocol.Wire;

/// <summary>
/// The server's framing: bytes to requests, replies to bytes. Bad input is a request that carries its error, so that the answer takes its
/// place in order and the connection lives on.
/// </summary>
/// <param name="stopsReading">Whether nothing is to be read before the command of that name is answered.</param>
internal sealed class QmpServerHandler(QmpSession session, Func<string, bool> stopsReading) : IJsonRpcMessageHandler
{
    /// <summary>How long a session may go on with what has come already; then the others have their turn.</summary>
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(0.2);

    private readonly JsonPipeReader _input = new(session.Input, session.Account);
    private Task _readingStopped = Task.CompletedTask;
    private long _lastEngineId;
    private long _turnBegan;

    public bool CanRead => true;

    public bool CanWrite => true;

    public IJsonRpcMessageFormatter Formatter { get; } = new QmpFormatter();

    /// <summary>The next request; null when the client has ended and every reply was sent.</summary>
    public async ValueTask<JsonRpcMessage?> ReadAsync(CancellationToken cancellationToken)
    {
        while (!session.IsFinishing && !session.Closed.IsCompleted)
        {
            if (session.Held is { } hold && _input.TryCopyUnread(out var unread))
            {
                session.Outbox.Uncork();
                hold.Stand(unread);
                await Task.WhenAny(hold.Released, session.Closed).ConfigureAwait(false);
                continue;
            }
            if (!_readingStopped.IsCompleted)
            {
                session.Outbox.Uncork();
                await Task.WhenAny(_readingStopped, session.HeldAsync(), session.Closed).ConfigureAwait(false);
                continue;
            }
            if (session.InBand.IsFull || session.Outbox.IsFull)
            {
                session.Outbox.Uncork();
                await Task.WhenAny(session.InBand.RoomAsync(), session.Closed).ConfigureAwait(false);
                await session.Outbox.RoomAsync().ConfigureAwait(false);
                continue;
            }
            if (_input.TryRead(out var reading))
            {
                // Only who has more to do goes to the end of the line: who waits for input has left it anyway.
                if (_turnBegan != 0 && Stopwatch.GetElapsedTime(_turnBegan) > Turn)
                {
                    session.Outbox.Uncork();
                    await LetOthersGoAsync().ConfigureAwait(false);
                    _turnBegan = Stopwatch.GetTimestamp();
                }
                session.Outbox.Cork();
                session.CommandStarted();
                return Request(reading);
            }
            session.Outbox.Uncork();
            try
            {
                if (!await _input.FillAsync(cancellationToken).ConfigureAwait(false))
                    break;
                _turnBegan = Stopwatch.GetTimestamp();
            }
            catch (IOException)
            {
                session.Outbox.Dispose();
                break;
            }
        }
        session.Outbox.Uncork();
        await session.DrainAsync().ConfigureAwait(false);
        return null;
    }

    public ValueTask WriteAsync(JsonRpcMessage content, CancellationToken cancellationToken)
    {
        var reply = content as QmpReply ?? throw new NotSupportedException("a server sends replies");
        session.Outbox.Reply(reply.Line, inBand: !reply.Request.IsOutOfBand, takesAttachment: !reply.IsError, reply.Request.Cost);
        session.GiveBack(reply.Line);
        if (!reply.Request.IsOutOfBand)
            session.InBand.Leave(reply.Request.Cost);
        session.CommandEnded();
        reply.Request.Answered?.SetResult();
        return default;
    }

    private QmpRequest Request(JsonReading reading)
    {
        TaskCompletionSource? answered = null;
        if (reading.Value is JsonObject value && value["execute"] is JsonString name && stopsReading(name.Value))
        {
            answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _readingStopped = answered.Task;
        }
        return new QmpRequest(++_lastEngineId, reading, session.IsOobEnabled && IsOutOfBand(reading.Value)) { End = _input.Position, Answered = answered };
    }

    /// <summary>Completes when all that the pool was given before has had its turn.</summary>
    private static Task LetOthersGoAsync()
    {
        var turn = new TaskCompletionSource();
        ThreadPool.UnsafeQueueUserWorkItem(static turn => turn.SetResult(), turn, preferLocal: false);
        return turn.Task;
    }

    private static bool IsOutOfBand(JsonValue? value) =>
        value is JsonObject request && request.Contains("exec-oob") && !request.Contains("execute");
}
