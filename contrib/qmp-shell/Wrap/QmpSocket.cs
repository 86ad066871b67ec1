using System.Net.Sockets;

namespace Hostmemd.QmpShell.Wrap;

/// <summary>Opens connections to a QMP server on a Unix socket.</summary>
internal static class QmpSocket
{
    /// <exception cref="SocketException">Nobody listens, or not yet.</exception>
    public static async Task<Socket> ConnectAsync(string path, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
