using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>
/// Speaks as libvirt's monitor does: requests without spaces and with CRLF behind, one at a time; looks for CRLF in what comes and for
/// nothing else; the next line that is no event is the reply, whatever its id; a line that is neither ends it.
/// </summary>
internal sealed class LibvirtClient : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly List<byte> _received = [];
    private readonly List<JsonElement> _events = [];
    private int _serial;

    private LibvirtClient(Socket socket) => _socket = socket;

    /// <summary>Connects once, without a retry, and takes the greeting.</summary>
    public static async Task<LibvirtClient> ConnectAsync(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
        var client = new LibvirtClient(socket);
        Assert.True((await client.LineAsync()).TryGetProperty("QMP", out _));
        return client;
    }

    /// <summary>What is returned.</summary>
    public async Task<JsonElement> AskAsync(string command, string? arguments = null)
    {
        var reply = await ExchangeAsync(command, arguments);
        return reply.TryGetProperty("return", out var value) ? value : throw new InvalidDataException($"{command}: {reply.GetRawText()}");
    }

    /// <summary>The class of the error.</summary>
    public async Task<string?> ErrorAsync(string command, string? arguments = null)
    {
        var reply = await ExchangeAsync(command, arguments);
        return reply.TryGetProperty("error", out var error) ? error.GetProperty("class").GetString() : throw new InvalidDataException($"{command}: {reply.GetRawText()}");
    }

    /// <summary>The data of the next event of that name, which may have come already.</summary>
    public async Task<JsonElement> EventAsync(string name)
    {
        while (true)
        {
            var at = _events.FindIndex(message => message.GetProperty("event").GetString() == name);
            if (at >= 0)
            {
                var data = _events[at].GetProperty("data");
                _events.RemoveAt(at);
                return data;
            }
            _events.Add(await LineAsync());
        }
    }

    public void Close() => _socket.Dispose();

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<JsonElement> ExchangeAsync(string command, string? arguments)
    {
        var id = $"libvirt-{++_serial}";
        var with = arguments is null ? "" : $",\"arguments\":{arguments}";
        await _socket.SendAsync(Encoding.UTF8.GetBytes($"{{\"execute\":\"{command}\"{with},\"id\":\"{id}\"}}\r\n"));
        while (true)
        {
            var message = await LineAsync();
            if (!message.TryGetProperty("event", out _))
                return message;
            _events.Add(message);
        }
    }

    private async Task<JsonElement> LineAsync()
    {
        using var limit = new CancellationTokenSource(QmpClient.Patience);
        var buffer = new byte[65536];
        while (true)
        {
            for (var i = 0; i + 1 < _received.Count; i++)
            {
                if (_received[i] != '\r' || _received[i + 1] != '\n')
                    continue;
                var line = _received[..i].ToArray();
                _received.RemoveRange(0, i + 2);
                var message = JsonDocument.Parse(line).RootElement;
                Assert.Contains(message.EnumerateObject(), member => member.Name is "QMP" or "event" or "return" or "error");
                return message;
            }
            var count = await _socket.ReceiveAsync(buffer, SocketFlags.None, limit.Token);
            if (count == 0)
                throw new EndOfStreamException();
            _received.AddRange(buffer.AsSpan(0, count));
        }
    }
}
