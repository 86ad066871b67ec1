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
    private const int Backlog = 512;

    private readonly ListenOptions _options;
    private readonly Guest _guest;
    private readonly CommandTable<Client> _commands;
    private readonly ReadOnlyMemory<byte> _greeting = Greeting.Format(ControlCommands.Version);
    private readonly ILogger _log;
    private readonly Socket _socket;
    private readonly (ulong Device, ulong Inode) _identity;
    private readonly Lock _gate = new();
    private readonly HashSet<ClientConnection> _connections = [];
    private Task _accepting = Task.CompletedTask;
    private bool _stopping;
    private long _lastClient;

    private QmpListener(ListenOptions options, Guest guest, CommandTable<Client> commands, Socket socket, (ulong, ulong) identity, ILogger log)
    {
        (_options, _guest, _commands, _log) = (options, guest, commands, log);
        (_socket, _identity) = (socket, identity);
    }

    /// <summary>Binds the socket and accepts from now on.</summary>
    /// <exception cref="ListenException">The path cannot be bound, or somebody listens there.</exception>
    public static QmpListener Start(ListenOptions options, Guest guest, CommandTable<Client> commands, ILogger log)
    {
        var (socket, identity) = UnixSocketFile.Listen(options, Backlog, guest.Kernel);
        var listener = new QmpListener(options, guest, commands, socket, identity, log);
        DaemonLog.Listening(log, options.Path, options.ReadOnly);
        listener._accepting = listener.AcceptAllAsync();
        return listener;
    }

    /// <summary>Stops accepting, lets every client's running commands answer, sends what waits, closes. A client that takes nothing is cut off.</summary>
    public async ValueTask DisposeAsync()
    {
        ClientConnection[] connections;
        lock (_gate)
        {
            _stopping = true;
            connections = [.. _connections];
        }
        _socket.Dispose();
        await _accepting.ConfigureAwait(false);
        await Task.WhenAll(connections.Select(connection => connection.DisposeAsync().AsTask())).ConfigureAwait(false);
        UnixSocketFile.DeleteIfOurs(_options.Path, _identity, _guest.Kernel);
    }

    private async Task AcceptAllAsync()
    {
        var failing = false;
        while (true)
        {
            Socket accepted;
            try
            {
                accepted = await _socket.AcceptAsync().ConfigureAwait(false);
                failing = false;
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                return;
            }
            catch (SocketException e)
            {
                // One client's trouble, or no descriptors left: neither ends the listening, and one line in the log is enough.
                if (!failing)
                    DaemonLog.AcceptFailed(_log, _options.Path, e.SocketErrorCode);
                failing = true;
                await Task.Delay(TimeSpan.FromMilliseconds(50), _guest.Clock).ConfigureAwait(false);
                continue;
            }
            Serve(accepted);
        }
    }

    private void Serve(Socket accepted)
    {
        var connection = new ClientConnection(++_lastClient, accepted, _options.ReadOnly, _guest, _commands, _log);
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
            lock (_gate)
                _connections.Remove(connection);
        }
    }
}
