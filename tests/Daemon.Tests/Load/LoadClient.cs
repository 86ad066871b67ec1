using System.Net.Sockets;
using System.Text;

namespace Hostmemd.Daemon.Tests.Load;

/// <summary>
/// A client on a blocking socket, for threads of their own: between it and the daemon is no scheduler but the kernel's, so that what it
/// measures is the daemon's. One owner.
/// </summary>
internal sealed class LoadClient : IDisposable
{
    public static readonly byte[] QueryStatus = Line("""{"execute": "query-status"}""");

    private readonly byte[] _buffer = new byte[64 * 1024];

    /// <summary>Connects and takes nothing yet.</summary>
    public LoadClient(string path)
    {
        Socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            ReceiveTimeout = (int)QmpClient.Patience.TotalMilliseconds,
            SendTimeout = (int)QmpClient.Patience.TotalMilliseconds,
        };
        Socket.Connect(new UnixDomainSocketEndPoint(path));
    }

    public Socket Socket { get; }

    public LineCounter Lines { get; } = new();

    public static LoadClient Negotiated(string path)
    {
        var client = new LoadClient(path);
        client.Negotiate();
        return client;
    }

    public static byte[] Line(string request) => Encoding.ASCII.GetBytes(request + "\n");

    public void Negotiate()
    {
        ReceiveUntil(() => Lines.Greetings == 1);
        Ask(Line("""{"execute": "qmp_capabilities"}"""));
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[Socket.Send(bytes)..];
    }

    /// <summary>Sends what the socket takes at once.</summary>
    /// <returns>Bytes sent.</returns>
    public int SendSome(ReadOnlySpan<byte> bytes) => Socket.Poll(0, SelectMode.SelectWrite) ? Socket.Send(bytes[..Math.Min(bytes.Length, 4096)]) : 0;

    /// <summary>Sends requests and waits for as many replies.</summary>
    public void Ask(ReadOnlySpan<byte> requests, int count = 1)
    {
        var until = Lines.Replies + count;
        Send(requests);
        ReceiveUntil(() => Lines.Replies >= until);
    }

    public void ReceiveUntil(Func<bool> condition)
    {
        while (!condition())
            if (!Receive())
                throw new EndOfStreamException("the daemon closed the connection");
    }

    /// <summary>Takes what is here, or waits for it.</summary>
    /// <returns>false: the daemon has closed the connection.</returns>
    public bool Receive()
    {
        var count = Socket.Receive(_buffer);
        Lines.Take(_buffer.AsSpan(0, count));
        return count > 0;
    }

    /// <summary>Receives until this text came, in one line with others or alone.</summary>
    public void ReceiveUntilText(string text)
    {
        var tail = "";
        while (!tail.Contains(text, StringComparison.Ordinal))
        {
            var count = Socket.Receive(_buffer);
            if (count == 0)
                throw new EndOfStreamException("the daemon closed the connection");
            Lines.Take(_buffer.AsSpan(0, count));
            tail = string.Concat(tail.AsSpan(Math.Max(0, tail.Length - text.Length)), Encoding.ASCII.GetString(_buffer, 0, count));
        }
    }

    /// <summary>Takes what is here and waits for nothing.</summary>
    public void Drain()
    {
        while (Socket.Available > 0)
            Receive();
    }

    public void Dispose() => Socket.Dispose();
}
