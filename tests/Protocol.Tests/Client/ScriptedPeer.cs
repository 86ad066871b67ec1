using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Hostmemd.Protocol.Client;
using Nerdbank.Streams;

namespace Hostmemd.Protocol.Tests.Client;

/// <summary>A server in the test's hands: it says what the test says and shows what it was sent.</summary>
internal sealed class ScriptedPeer
{
    public const string Greeting = """{"QMP": {"version": {}, "capabilities": ["oob"]}}""";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private readonly IDuplexPipe _pipe;

    public ScriptedPeer() => (ClientPipe, _pipe) = FullDuplexStream.CreatePipePair();

    public IDuplexPipe ClientPipe { get; }

    /// <summary>A client that has its greeting and skipped the negotiation, and its server.</summary>
    public static async Task<(QmpClient Client, ScriptedPeer Peer)> ConnectAsync(QmpClientOptions? options = null)
    {
        var peer = new ScriptedPeer();
        await peer.SayAsync(Greeting);
        var client = await QmpClient.ConnectAsync(peer.ClientPipe, (options ?? new QmpClientOptions()) with { Negotiate = false });
        return (client, peer);
    }

    public Task SayAsync(string text) => SayBytesAsync(Encoding.UTF8.GetBytes(text + "\r\n"));

    public async Task SayBytesAsync(byte[] bytes) => await _pipe.Output.WriteAsync(bytes);

    /// <summary>The next line the client sent, without its LF.</summary>
    public async Task<string> HearAsync()
    {
        using var limit = new CancellationTokenSource(Deadline);
        while (true)
        {
            var result = await _pipe.Input.ReadAsync(limit.Token);
            if (result.Buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = Encoding.UTF8.GetString(result.Buffer.Slice(0, end));
                _pipe.Input.AdvanceTo(result.Buffer.GetPosition(1, end));
                return line;
            }
            _pipe.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            Assert.False(result.IsCompleted, "the client closed the connection");
        }
    }

    /// <summary>Completes when the client closed its side.</summary>
    public async Task ClientClosesAsync()
    {
        using var limit = new CancellationTokenSource(Deadline);
        while (await _pipe.Input.ReadAsync(limit.Token) is var result && !result.IsCompleted)
            _pipe.Input.AdvanceTo(result.Buffer.End);
    }

    public async Task CloseAsync()
    {
        await _pipe.Output.CompleteAsync();
        await _pipe.Input.CompleteAsync();
    }
}
