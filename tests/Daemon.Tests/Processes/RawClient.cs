using System.Net.Sockets;
using System.Text;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>A socket and bytes: nothing waits for a greeting, adds a line's end or looks at what comes.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly List<byte> _received = [];

    private RawClient(Socket socket) => Socket = socket;

    public Socket Socket { get; }

    public static async Task<RawClient> ConnectAsync(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
        return new RawClient(socket);
    }

    public async Task SendAsync(string text)
    {
        for (ReadOnlyMemory<byte> left = Encoding.UTF8.GetBytes(text); !left.IsEmpty;)
            left = left[await Socket.SendAsync(left, SocketFlags.None)..];
    }

    /// <summary>What one read gives; empty at the end.</summary>
    public async Task<string> ReadOnceAsync()
    {
        if (_received.Count > 0)
            throw new InvalidOperationException("something was read before");
        using var limit = new CancellationTokenSource(QmpClient.Patience);
        var buffer = new byte[1 << 20];
        return Encoding.UTF8.GetString(buffer, 0, await Socket.ReceiveAsync(buffer, SocketFlags.None, limit.Token));
    }

    /// <summary>The next line, less CRLF.</summary>
    public async Task<string> ReadLineAsync() => await TryReadLineAsync(QmpClient.Patience) ?? throw new TimeoutException("nothing came");

    /// <summary>The next line, less CRLF; null: none comes within the time.</summary>
    public async Task<string?> TryReadLineAsync(TimeSpan patience)
    {
        using var limit = new CancellationTokenSource(patience);
        var buffer = new byte[1 << 20];
        var searched = 0;
        while (true)
        {
            var end = _received.IndexOf((byte)'\n', searched);
            if (end > 0 && _received[end - 1] == '\r')
            {
                var line = Encoding.UTF8.GetString([.. _received[..(end - 1)]]);
                _received.RemoveRange(0, end + 1);
                return line;
            }
            searched = _received.Count;
            try
            {
                var count = await Socket.ReceiveAsync(buffer, SocketFlags.None, limit.Token);
                if (count == 0)
                    throw new EndOfStreamException();
                _received.AddRange(buffer.AsSpan(0, count));
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }
    }

    public void Dispose() => Socket.Dispose();
}
