using System.Diagnostics;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;
using StreamJsonRpc;
using StreamJsonRpc.Protocol;

namespace Hostmemd.Protocol.Session;

/// <summary>
/// Serves one session on the StreamJsonRpc engine: life cycle, dispatch and sending are the engine's; order, negotiation and errors are QMP's
/// (decision 0002).
/// </summary>
/// <typeparam name="TClient">What the program keeps for each client; handed to every command.</typeparam>
public sealed class QmpServer<TClient> : JsonRpc
{
    private const string NegotiationCommand = "qmp_capabilities";

    private readonly QmpSession _session;
    private readonly CommandTable<TClient> _commands;
    private readonly TClient _client;
    private readonly CommandObserver? _observer;

    public QmpServer(QmpSession session, CommandTable<TClient> commands, TClient client, CommandObserver? observer = null)
        : base(new QmpServerHandler(session, name => commands.TryFind(name, out var command) && command.StopsReading))
    {
        (_session, _commands, _client, _observer) = (session, commands, client, observer);
        // Every default of the engine that would hurt QMP is off: cancel requests by name, traces to the debugger, its own dispatch.
        CancellationStrategy = null;
        TraceSource.Switch.Level = SourceLevels.Off;
        TraceSource.Listeners.Clear();
        AddLocalRpcMethod(QmpRequest.EngineMethod, EngineMethod.Handler, target: null);
    }

    /// <summary>Sends the greeting and serves until the client has ended and all is answered.</summary>
    public async Task ServeAsync(ReadOnlyMemory<byte> greeting)
    {
        _session.Outbox.Greet(greeting.Span);
        StartListening();
        try
        {
            // A client that was too slow is given up: nothing more of it is read.
            await Task.WhenAny(Completion, _session.Closed).ConfigureAwait(false);
            _session.Dispose();
            await Completion.ConfigureAwait(false);
        }
        finally
        {
            _session.Dispose();
            Dispose();
        }
    }

    protected override async ValueTask<JsonRpcMessage> DispatchRequestAsync(
        JsonRpcRequest request, TargetMethod targetMethod, CancellationToken cancellationToken)
    {
        var qmp = (QmpRequest)request;
        if (!qmp.IsOutOfBand)
        {
            await _session.InBand.EnterAsync(qmp.Cost).ConfigureAwait(false);
            _session.CommandEnd = qmp.End;
            // Of no other command: an id may be large, and its memory is to go with the command.
            _session.Stopping = qmp.Answered is null ? null : qmp;
            // What still waits when the client has gone goes with it.
            if (_session.Closed.IsCompleted)
                return new QmpReply(qmp, new QmpException("the client is gone"), _session.TakeBuffer());
        }
        if (qmp.Cost < InputBudget.LargeValue)
            return await AnswerAsync(qmp).ConfigureAwait(false);
        await _session.Budget.LargeTurn.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            return await AnswerAsync(qmp).ConfigureAwait(false);
        }
        finally
        {
            _session.Budget.LargeTurn.Release();
        }
    }

    private async ValueTask<QmpReply> AnswerAsync(QmpRequest qmp)
    {
        var started = _observer is null ? 0 : Stopwatch.GetTimestamp();
        var name = "";
        try
        {
            var envelope = QmpEnvelope.Open(qmp.Reading, _session.IsOobEnabled);
            name = envelope.Command;
            var result = await Find(name, qmp.IsOutOfBand).InvokeAsync(_client, envelope.Arguments).ConfigureAwait(false);
            var reply = new QmpReply(qmp, result, _session.TakeBuffer());
            _observer?.Invoke(name, qmp.ClientId, Stopwatch.GetElapsedTime(started), null);
            return reply;
        }
        catch (QmpException e)
        {
            _observer?.Invoke(name, qmp.ClientId, Stopwatch.GetElapsedTime(started), e);
            return new QmpReply(qmp, e, _session.TakeBuffer());
        }
        catch (Exception e)
        {
            // A bug of ours. The client is told that its command failed; the observer logs the rest; session and program go on.
            _observer?.Invoke(name, qmp.ClientId, Stopwatch.GetElapsedTime(started), e);
            return new QmpReply(qmp, new QmpException($"The command {name} failed inside the daemon; its log says more"), _session.TakeBuffer());
        }
    }

    /// <summary>The command of that name in the session's mode: before negotiation there is one.</summary>
    private Command<TClient> Find(string name, bool outOfBand)
    {
        if (!_session.IsNegotiated && name != NegotiationCommand)
            throw ProtocolErrors.ExpectingNegotiation();
        if (!_commands.TryFind(name, out var command))
            throw ProtocolErrors.CommandNotFound(name);
        if (outOfBand && !command.AllowOob)
            throw ProtocolErrors.NoOob(name);
        if (_session.ReadOnly && !command.AllowReadOnly)
            throw ProtocolErrors.ReadOnlySocket(name);
        return command;
    }
}
