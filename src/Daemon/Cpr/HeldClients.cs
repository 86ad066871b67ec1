using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;
using Hostmemd.Sessions;

namespace Hostmemd.Cpr;

/// <summary>
/// All clients of the daemon, stopped between two requests: what was taken up is answered and sent, what comes meanwhile stays in the sockets.
/// Disposing lets all go on.
/// </summary>
internal sealed class HeldClients : IDisposable
{
    /// <summary>How long everybody waits for the slowest command, or for a client that does not read.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(1);

    private readonly IReadOnlyList<QmpListener> _listeners;
    private readonly List<HeldClient> _clients = [];

    private HeldClients(IReadOnlyList<QmpListener> listeners) => _listeners = listeners;

    /// <summary>Those that stand still, with the number of the socket that they came by.</summary>
    public IReadOnlyList<HeldClient> All => _clients;

    /// <param name="asking">Whose command this is: it alone is not answered yet.</param>
    /// <exception cref="QmpException">A command takes too long, or a client is in the middle of a long request. All go on.</exception>
    public static async Task<HeldClients> HoldAsync(IKernel kernel, IReadOnlyList<QmpListener> listeners, Client asking)
    {
        var held = new HeldClients(listeners);
        try
        {
            for (var i = 0; i < listeners.Count; i++)
                foreach (var connection in await listeners[i].HoldAsync().ConfigureAwait(false))
                    if (connection.TryDuplicate(kernel) is { } socket)
                        held._clients.Add(new HeldClient(connection, socket, i, connection.Hold(), connection.IsOf(asking)));
            using var limit = new CancellationTokenSource(Patience);
            await Task.WhenAll(held._clients.Select(client => WaitAsync(client, limit.Token))).ConfigureAwait(false);
            held.CutOffSilent();
            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var client in _clients)
        {
            client.Connection.Release();
            client.Socket.Dispose();
        }
        foreach (var listener in _listeners)
            listener.Release();
    }

    private static async Task WaitAsync(HeldClient client, CancellationToken limit)
    {
        try
        {
            while (!client.IsQuiet)
                await Task.Delay(Look, limit).ConfigureAwait(false);
            await client.Connection.SentAsync().WaitAsync(limit).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            if (client.IsBusy)
                throw new QmpException($"A command of client {client.Connection.Number} is still running: try again when it is answered");
            if (!client.IsQuiet && !client.Connection.IsFull)
                throw new QmpException($"Client {client.Connection.Number} is in the middle of a long request: try again when it is whole");
        }
    }

    /// <summary>Who does not read what it was sent is given up, as it is when it lets too much lie: nobody is to wait for it.</summary>
    private void CutOffSilent()
    {
        foreach (var client in _clients.Where(client => !client.Connection.SentAsync().IsCompleted || !client.IsQuiet).ToList())
        {
            client.Connection.CutOff();
            Forget(client);
        }
        foreach (var client in _clients.Where(client => client.Connection.IsClosed).ToList())
            Forget(client);
    }

    private void Forget(HeldClient client)
    {
        _clients.Remove(client);
        client.Socket.Dispose();
    }
}
