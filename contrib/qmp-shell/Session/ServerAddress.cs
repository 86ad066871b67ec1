using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Hostmemd.QmpShell.Wrap;

namespace Hostmemd.QmpShell.Session;

/// <summary>Where a QMP server listens: the path of a Unix socket, or host:port.</summary>
/// <param name="Text">As the user wrote it.</param>
/// <param name="Port">The TCP port; null for a Unix socket.</param>
internal sealed record ServerAddress(string Text, string Host, int? Port)
{
    public static ServerAddress Parse(string text)
    {
        int colon = text.LastIndexOf(':');
        return colon > 0 && !text.Contains('/', StringComparison.Ordinal) && !File.Exists(text)
            && ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)
                ? new ServerAddress(text, text[..colon].Trim('[', ']'), port)
                : new ServerAddress(text, "", null);
    }

    /// <exception cref="ServerException">Nobody listens there.</exception>
    public async Task<Socket> ConnectAsync(CancellationToken cancellationToken)
    {
        try
        {
            return Port is { } port
                ? await ConnectAsync(port, cancellationToken).ConfigureAwait(false)
                : await QmpSocket.ConnectAsync(Text, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            // .NET has no word of its own for ENOENT here.
            string reason = Port is null && !File.Exists(Text) ? "no such socket" : e.Message;
            throw new ServerException($"cannot connect to {Text}: {reason}", e);
        }
    }

    private async Task<Socket> ConnectAsync(int port, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new DnsEndPoint(Host, port), cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
