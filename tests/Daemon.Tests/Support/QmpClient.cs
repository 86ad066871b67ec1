using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Hostmemd.QmpShell.Transcript;
using Xunit;

namespace Hostmemd.Daemon.Tests.Support;

/// <summary>A client that sends text and takes lines: nothing of the daemon's own reading and writing is in it.</summary>
internal sealed class QmpClient(Stream stream) : IAsyncDisposable
{
    /// <summary>Far more than any answer here takes; a test that waits so long has failed.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly PipeReader _input = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));

    /// <summary>The socket beneath; null in process.</summary>
    public Socket? Socket { get; init; }

    /// <summary>Connects to a listening Unix socket.</summary>
    public static async Task<QmpClient> ConnectAsync(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
        return new QmpClient(new NetworkStream(socket, ownsSocket: true)) { Socket = socket };
    }

    /// <summary>Takes the greeting and ends negotiation.</summary>
    public async Task<QmpClient> NegotiateAsync(bool enableOob = false)
    {
        await ExpectAsync("""{"QMP": {"version": "$any", "capabilities": ["oob"]}}""");
        var enable = enableOob ? "[\"oob\"]" : "[]";
        await ExchangeAsync(
            """{"execute": "qmp_capabilities", "arguments": {"enable": """ + enable + "}}", """{"return": {}}""");
        return this;
    }

    public Task SendAsync(string text) => SendPartAsync(text + "\n");

    /// <summary>Sends a part of a line.</summary>
    public async Task SendPartAsync(string text)
    {
        await stream.WriteAsync(Encoding.UTF8.GetBytes(text));
        await stream.FlushAsync();
    }

    /// <summary>The next message.</summary>
    public async Task<JsonElement> ReceiveAsync() =>
        await TryReceiveAsync() ?? throw new EndOfStreamException("the server closed the connection");

    /// <summary>The next message; null at the end.</summary>
    public async Task<JsonElement?> TryReceiveAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        while (true)
        {
            var result = await ReadAsync(limit.Token);
            var buffer = result.Buffer;
            if (buffer.FirstSpan.IsEmpty && result.IsCompleted)
                return null;
            var reader = new System.Buffers.SequenceReader<byte>(buffer);
            if (reader.TryReadTo(out System.Buffers.ReadOnlySequence<byte> line, (byte)'\n'))
            {
                var message = JsonText.Parse(System.Buffers.BuffersExtensions.ToArray(line));
                _input.AdvanceTo(reader.Position);
                return message;
            }
            _input.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
                return null;
        }
    }

    /// <summary>The next message must be this; "$any", "$int", "$timestamp" and so on stand for what differs from run to run.</summary>
    public async Task ExpectAsync(string expected)
    {
        var got = await ReceiveAsync();
        var difference = JsonMatcher.Difference(JsonText.Parse(Encoding.UTF8.GetBytes(expected)), got);
        Assert.True(difference is null, $"{difference}\nexpected: {expected}\ngot: {JsonText.Show(got)}");
    }

    /// <summary>Sends one request; the next message must be this.</summary>
    public async Task ExchangeAsync(string request, string expected)
    {
        await SendAsync(request);
        await ExpectAsync(expected);
    }

    /// <summary>Sends one request and gives its reply, which is the next message.</summary>
    public async Task<JsonElement> AskAsync(string request)
    {
        await SendAsync(request);
        return await ReceiveAsync();
    }

    /// <summary>The text of what is returned.</summary>
    public async Task<string> QueryAsync(string command)
    {
        var reply = await AskAsync($$"""{"execute": "{{command}}"}""");
        return reply.TryGetProperty("return", out var value) ? value.GetRawText() : throw new InvalidDataException(reply.GetRawText());
    }

    public async ValueTask DisposeAsync()
    {
        await _input.CompleteAsync();
        await stream.DisposeAsync();
    }

    private async Task<ReadResult> ReadAsync(CancellationToken limit)
    {
        try
        {
            return await _input.ReadAsync(limit);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"nothing came within {Patience.TotalSeconds} s");
        }
    }
}
