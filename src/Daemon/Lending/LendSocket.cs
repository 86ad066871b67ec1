using System.Net.Sockets;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Lending;

/// <summary>Connects to the Unix socket on which a borrower waits.</summary>
internal static class LendSocket
{
    /// <exception cref="Protocol.Errors.QmpException">Nobody waits there.</exception>
    public static async Task<Socket> ConnectAsync(string path, CancellationToken cancellation)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(path) is 0 or > SocketNames.MaxPathBytes)
            throw LendErrors.Unreachable(path, $"a socket's path has 1 to {SocketNames.MaxPathBytes} bytes");
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation).ConfigureAwait(false);
            return socket;
        }
        catch (Exception e)
        {
            socket.Dispose();
            throw e switch
            {
                // .NET has no word of its own for ENOENT here.
                SocketException => LendErrors.Unreachable(path, File.Exists(path) ? e.Message : "no such socket"),
                OperationCanceledException => LendErrors.Unreachable(path, "it is not accepted"),
                _ => e,
            };
        }
    }
}
