using System.Net.Sockets;
using Hostmemd.Commands;
using Hostmemd.Guests;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Session;
using Hostmemd.Protocol.Wire;
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
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ClientConnection(long number, Socket socket, bool readOnly, Guest guest, CommandTable<Client> commands, ILogger log)
    {
        Number = number;
        (_guest, _commands, _log) = (guest, commands, log);
        _pipe = new UnixSocketPipe(socket, guest.Clock);
        _session = new QmpSession(_pipe, readOnly, count => Events.Lost(count, guest.Clock), _pipe.SendAttachedAsync, guest.Input);
        _client = new Client(guest, _session, () => _pipe.TakeDescriptor(_session.CommandEnd)) { Socket = socket.SafeHandle };
    }

    /// <summary>The client's number in the log.</summary>
    public long Number { get; }

    /// <summary>Serves the client until it or the daemon ends.</summary>
    public async Task RunAsync(ReadOnlyMemory<byte> greeting)
    {
        _guest.Attach(_session);
        try
        {
            using var server = new QmpServer<Client>(_session, _commands, _client, Observe);
            // Greeted first: nothing is read yet, so the line stands before those of its commands all the same.
            var serving = server.ServeAsync(greeting);
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
