using System.Net.Sockets;
using Hostmemd.Commands;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Session;
using Hostmemd.Protocol.Wire;
using Microsoft.Win32.SafeHandles;
using Serilog;

namespace Hostmemd.Sessions;

/// <summary>One client from accept to close: its socket, its session, the engine that serves it.</summary>
internal sealed class ClientConnection : IAsyncDisposable
{
    /// <summary>How long a client may take to receive the last replies when the daemon ends.</summary>
    private static readonly TimeSpan FinishTimeout = TimeSpan.FromSeconds(2);

    private readonly UnixSocketPipe _pipe;
    private readonly QmpSession _session;
    private readonly CommandTable<Client> _commands;
    private readonly Client _client;
    private readonly Guest _guest;
    private readonly ILogger _log;
    private readonly RestoredClient? _restored;
    private readonly Socket _socket;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="restored">What another process had of it; null: it has just come.</param>
    public ClientConnection(
        long number, Socket socket, bool readOnly, Guest guest, CommandTable<Client> commands, ILogger log, RestoredClient? restored = null)
    {
        Number = number;
        (_socket, _guest, _commands, _log, _restored) = (socket, guest, commands, log, restored);
        _pipe = new UnixSocketPipe(socket, guest.SessionThreads, guest.Clock, restored?.Input);
        _session = new QmpSession(_pipe, readOnly, count => Events.Lost(count, guest.Clock), _pipe.Output.SendAttachedAsync, guest.Input);
        _client = new Client(guest, _session, () => _pipe.TakeDescriptor(_session.CommandEnd)) { Socket = socket.SafeHandle };
        if (restored is null)
            return;
        _client.IsToldOfLosses = restored.ToldOfLosses;
        if (!restored.Negotiated)
            return;
        _session.Negotiate(restored.Oob);
        _session.Subscribe([.. restored.Events]);
    }

    /// <summary>The client's number in the log.</summary>
    public long Number { get; }

    public bool IsClosed => _session.Closed.IsCompleted;

    /// <inheritdoc cref="QmpSession.Running"/>
    public int Running => _session.Running;

    /// <inheritdoc cref="QmpSession.IsFull"/>
    public bool IsFull => _session.IsFull;

    public bool IsOf(Client client) => client == _client;

    /// <summary>Takes up no more of what the client sends; what was taken up is answered.</summary>
    public SessionHold Hold()
    {
        _pipe.Hold();
        return _session.Hold();
    }

    /// <summary>Goes on as before.</summary>
    public void Release()
    {
        _session.Release();
        _pipe.Release();
    }

    /// <inheritdoc cref="QmpSession.SentAsync"/>
    public Task SentAsync() => _session.SentAsync();

    /// <summary>Ends it at once; what waits for it is dropped.</summary>
    public void CutOff()
    {
        DaemonLog.ClientCutOff(_log, Number);
        _session.Dispose();
        _pipe.Dispose();
    }

    /// <summary>One more descriptor of its connection; null: it is closed.</summary>
    /// <exception cref="KernelException">EMFILE.</exception>
    public SafeFileHandle? TryDuplicate(IKernel kernel)
    {
        try
        {
            return kernel.Duplicate(_socket.SafeHandle);
        }
        catch (ObjectDisposedException)
        {
            return null;
        }
    }

    /// <summary>What another process needs to go on with it. While it is held.</summary>
    /// <param name="unread">What the session has not read.</param>
    /// <param name="isAsking">The reply of the command that runs is sent by the other process.</param>
    public RestoredClient Describe(byte[] unread, bool isAsking) => new()
    {
        Negotiated = _session.IsNegotiated,
        Oob = _session.IsOobEnabled,
        ToldOfLosses = _client.IsToldOfLosses,
        Events = [.. _session.Subscriptions],
        Input = _pipe.Unread(unread),
        Output = isAsking ? _session.FormatReplyOfCommand() : [],
    };

    /// <summary>Serves the client until it or the daemon ends.</summary>
    public async Task RunAsync(ReadOnlyMemory<byte> greeting)
    {
        _guest.Attach(_session);
        try
        {
            using var server = new QmpServer<Client>(_session, _commands, _client, Observe);
            // Greeted first: nothing is read yet, so the line stands before those of its commands all the same.
            var serving = server.ServeAsync(_restored?.Output ?? greeting);
            DaemonLog.ClientConnected(_log, Number, _session.ReadOnly);
            var receiving = _pipe.ReceiveAsync();
            await serving.ConfigureAwait(false);
            _pipe.Dispose();
            await receiving.ConfigureAwait(false);
        }
        finally
        {
            _guest.Detach(_session);
            _pipe.Dispose();
            DaemonLog.ClientLeft(_log, Number);
            _ended.SetResult();
        }
    }

    /// <summary>Lets running commands answer, sends what waits, closes; cuts off a client that takes nothing.</summary>
    public async ValueTask DisposeAsync()
    {
        var finishing = _session.FinishAsync();
        await Task.WhenAny(finishing, Task.Delay(FinishTimeout, _guest.Clock)).ConfigureAwait(false);
        _session.Dispose();
        _pipe.Dispose();
        await _ended.Task.ConfigureAwait(false);
    }

    private void Observe(string command, JsonValue? id, TimeSpan elapsed, Exception? error)
    {
        _guest.Counters.Count(command, _commands.TryFind(command, out _), elapsed, error);
        if (error is null or QmpException)
            DaemonLog.CommandDone(_log, Number, command, id, elapsed, (error as QmpException)?.ErrorClass);
        else
            DaemonLog.CommandFailed(_log, Number, command, error);
    }
}
