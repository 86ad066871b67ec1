using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Hostmemd.Protocol.Session;
using Hostmemd.Protocol.Wire;
using Nerdbank.Streams;

namespace Hostmemd.Protocol.Tests.Session;

/// <summary>A session served at one end of a pipe, and the client's end of it.</summary>
internal sealed class TestSession : IAsyncDisposable
{
    /// <summary>How long something may take that must come; only a test that fails waits for so long.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly IDuplexPipe _client;
    private readonly WriteCounter _server;
    private readonly List<(string Command, string? Error)> _observed = [];

    private TestSession(TestGuest guest, bool readOnly, AttachmentSender? sendAttached, InputBudget? budget)
    {
        Guest = guest;
        (_client, var server) = FullDuplexStream.CreatePipePair();
        _server = new WriteCounter(server);
        Session = new QmpSession(
            _server, readOnly, count => TestGuest.EventsLost.Make(new LostCount { Count = count }, TimeProvider.System), sendAttached, budget);
        guest.Attach(Session);
        Served = ServeAsync();
    }

    public TestGuest Guest { get; }

    public QmpSession Session { get; }

    /// <summary>Writes that the server made.</summary>
    public int Writes => _server.Writes;

    /// <summary>Writes past the session, as what sends attachments does.</summary>
    public async Task WriteAsServerAsync(ReadOnlyMemory<byte> bytes) => await _server.Output.WriteAsync(bytes);

    /// <summary>Completes when the server has ended the session.</summary>
    public Task Served { get; }

    /// <summary>The commands that were carried out, with the exception each ended in.</summary>
    public IReadOnlyList<(string Command, string? Error)> Observed
    {
        get
        {
            lock (_observed)
                return [.. _observed];
        }
    }

    /// <summary>Connects; the greeting is still to be received.</summary>
    public static TestSession Connect(
        TestGuest? guest = null, bool readOnly = false, AttachmentSender? sendAttached = null, InputBudget? budget = null) =>
        new(guest ?? new TestGuest(), readOnly, sendAttached, budget);

    /// <summary>Connects, takes the greeting and negotiates.</summary>
    public static async Task<TestSession> NegotiatedAsync(
        bool oob = false, TestGuest? guest = null, bool readOnly = false, AttachmentSender? sendAttached = null, InputBudget? budget = null)
    {
        var session = Connect(guest, readOnly, sendAttached, budget);
        await session.ReceiveAsync();
        await session.SendAsync(oob
            ? """{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}}"""
            : """{"execute": "qmp_capabilities"}""");
        await session.ExpectAsync("""{"return": {}}""");
        return session;
    }

    public Task SendAsync(params string[] lines) => SendBytesAsync(Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line + "\n"))));

    public async Task SendBytesAsync(ReadOnlyMemory<byte> bytes) => await _client.Output.WriteAsync(bytes).AsTask().WaitAsync(Patience);

    /// <summary>Ends the client's direction; it still receives.</summary>
    public void EndSending() => _client.Output.Complete();

    /// <summary>The client is gone.</summary>
    public void Vanish()
    {
        _client.Output.Complete();
        _client.Input.Complete();
    }

    /// <summary>The next line; null at the end.</summary>
    public async Task<string?> ReceiveAsync()
    {
        while (true)
        {
            var read = await _client.Input.ReadAsync().AsTask().WaitAsync(Patience);
            if (read.Buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = Encoding.ASCII.GetString(read.Buffer.Slice(0, end));
                _client.Input.AdvanceTo(read.Buffer.GetPosition(1, end));
                Assert.EndsWith("\r", line, StringComparison.Ordinal);
                return line[..^1];
            }
            Assert.False(read.IsCompleted && !read.Buffer.IsEmpty, "the last line has no end");
            _client.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (read.IsCompleted)
                return null;
        }
    }

    /// <summary>Waits for the first byte of something, and takes none.</summary>
    public async Task WaitForFirstByteAsync()
    {
        var read = await _client.Input.ReadAsync().AsTask().WaitAsync(Patience);
        Assert.False(read.Buffer.IsEmpty);
        _client.Input.AdvanceTo(read.Buffer.Start);
    }

    /// <summary>The next lines must be these, to the byte.</summary>
    public async Task ExpectAsync(params string[] lines)
    {
        foreach (var line in lines)
            Assert.Equal(line, await ReceiveAsync());
    }

    /// <summary>The next lines must be these events, whatever their time.</summary>
    public async Task ExpectEventAsync(params string[] events)
    {
        foreach (var text in events)
            Assert.Equal(text, WithoutTimestamp(await ReceiveAsync()));
    }

    public async Task ExpectEndAsync()
    {
        Assert.Null(await ReceiveAsync());
        await Served.WaitAsync(Patience);
    }

    public async ValueTask DisposeAsync()
    {
        Session.Dispose();
        Vanish();
        await Served.WaitAsync(Patience);
    }

    private static string? WithoutTimestamp(string? line) => line is null
        ? null
        : new JsonObject(((JsonObject)JsonText.Parse(line)).Members.Where(member => member.Key != "timestamp")).ToString();

    private async Task ServeAsync()
    {
        using var server = new QmpServer<TestClient>(Session, TestClient.Commands, new TestClient(Guest, Session), (command, _, _, error) =>
        {
            lock (_observed)
                _observed.Add((command, error?.GetType().Name));
        });
        await server.ServeAsync("""{"QMP": {"version": {}, "capabilities": ["oob"]}}"""u8.ToArray().Concat("\r\n"u8.ToArray()).ToArray());
        await _server.Output.CompleteAsync();
        await _server.Input.CompleteAsync();
    }
}
