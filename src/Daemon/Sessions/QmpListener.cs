using System.Net.Sockets;
using Hostmemd.Commands;
using Hostmemd.Guests;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Session;
using Serilog;

namespace Hostmemd.Sessions;

/// <summary>Listens on one Unix socket and serves each client that comes, greeted at once and independent of the others.</summary>
internal sealed class QmpListener : IAsyncDisposable
{
    private readonly ListeningSocket _listening;
    private readonly QmpMonitor? _monitor;
    private readonly Guest _guest;
    private readonly CommandTable<Client> _commands;
    private readonly ReadOnlyMemory<byte> _greeting = Greeting.Format(ControlCommands.Version);
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly HashSet<ClientConnection> _connections = [];
    private CancellationTokenSource _accept = new();
    private (TaskCompletionSource Stopped, TaskCompletionSource Released)? _hold;
    private Task _accepting = Task.CompletedTask;
    private bool _stopping;
    private long _lastClient;

    private QmpListener(ListeningSocket listening, QmpMonitor? monitor, Guest guest, CommandTable<Client> commands, ILogger log) =>
        (_listening, _monitor, _guest, _commands, _log) = (listening, monitor, guest, commands, log);

    /// <summary>Accepts from now on.</summary>
    /// <param name="listening">Owned from now on.</param>
    /// <param name="monitor">What clients find of it among the objects; it counts them.</param>
    public static QmpListener Start(
        ListeningSocket listening, Guest guest, CommandTable<Client> commands, ILogger log, QmpMonitor? monitor = null)
    {
        var listener = new QmpListener(listening, monitor, guest, commands, log);
        listener._accepting = listener.AcceptAllAsync();
        DaemonLog.Listening(log, listening.Options.Shown, listening.Options.ReadOnly);
        return listener;
    }

    public ListeningSocket Listening => _listening;

    /// <summary>Accepts nobody until it is released: who comes waits in the socket.</summary>
    /// <returns>Those that were accepted before.</returns>
    public async Task<IReadOnlyList<ClientConnection>> HoldAsync()
    {
        Task stopped;
        lock (_gate)
        {
            var hold = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously),
                new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            _hold = hold;
            stopped = hold.Item1.Task;
        }
        await _accept.CancelAsync().ConfigureAwait(false);
        await Task.WhenAny(stopped, _accepting).ConfigureAwait(false);
        lock (_gate)
            return [.. _connections];
    }

    /// <summary>Accepts again.</summary>
    public void Release()
    {
        lock (_gate)
        {
            if (_hold is not { } hold)
                return;
            _hold = null;
            _accept.Dispose();
            _accept = new CancellationTokenSource();
            hold.Released.SetResult();
        }
    }

    /// <summary>Goes on with a client that another process has accepted.</summary>
    /// <param name="accepted">Owned from now on.</param>
    public void Restore(Socket accepted, RestoredClient client) => Serve(accepted, client);

    /// <summary>Stops accepting, lets every client's running commands answer, sends what waits, closes. A client that takes nothing is cut off.</summary>
    public async ValueTask DisposeAsync()
    {
        ClientConnection[] connections;
        lock (_gate)
        {
            _stopping = true;
            connections = [.. _connections];
        }
        Release();
        _listening.Close();
        await _accepting.ConfigureAwait(false);
        await Task.WhenAll(connections.Select(connection => connection.DisposeAsync().AsTask())).ConfigureAwait(false);
        _listening.Dispose();
        _accept.Dispose();
    }

    private async Task AcceptAllAsync()
    {
        var failing = false;
        while (true)
        {
            Socket accepted;
            try
            {
                accepted = await _listening.Socket.AcceptAsync(_accept.Token).ConfigureAwait(false);
                failing = false;
            }
            catch (OperationCanceledException)
            {
                await HeldAsync().ConfigureAwait(false);
                continue;
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                return;
            }
            catch (SocketException e)
            {
                // One client's trouble, or no descriptors left: neither ends the listening, and one line in the log is enough.
                if (!failing)
                    DaemonLog.AcceptFailed(_log, _listening.Options.Shown, e.SocketErrorCode);
                failing = true;
                await Task.Delay(TimeSpan.FromMilliseconds(50), _guest.Clock).ConfigureAwait(false);
                continue;
            }
            _guest.Limits.NoteClient(accepted.SafeHandle);
            Serve(accepted);
        }
    }

    private Task HeldAsync()
    {
        lock (_gate)
        {
            _hold?.Stopped.TrySetResult();
            return _hold?.Released.Task ?? Task.CompletedTask;
        }
    }

    private void Serve(Socket accepted, RestoredClient? restored = null)
    {
        var connection = new ClientConnection(
            Interlocked.Increment(ref _lastClient), accepted, _listening.Options.ReadOnly, _guest, _commands, _log, restored);
        lock (_gate)
        {
            if (_stopping)
            {
                accepted.Dispose();
                return;
            }
            _connections.Add(connection);
        }
        _ = RunAsync(connection);
    }

    private async Task RunAsync(ClientConnection connection)
    {
        _monitor?.ClientCame();
        try
        {
            await connection.RunAsync(_greeting).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            DaemonLog.ClientFailed(_log, connection.Number, e);
        }
        finally
        {
            _monitor?.ClientLeft();
            lock (_gate)
                _connections.Remove(connection);
        }
    }
}
