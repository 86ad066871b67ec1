using System.Net.Sockets;
using BenchmarkDotNet.Attributes;

namespace Hostmemd.Benchmarks;

/// <summary>query-status from request to reply: through the engine alone, over a pair of pipes, and over a Unix socket.</summary>
public class Engine
{
    private const int Depth = 64;

    private readonly byte[] _one = Inputs.Line(Inputs.QueryStatus);
    private readonly byte[] _batch = [.. Enumerable.Repeat(Inputs.Line(Inputs.QueryStatus), Depth).SelectMany(bytes => bytes)];
    private readonly byte[] _schema = Inputs.Line("""{"execute": "query-qmp-schema"}""");
    private readonly byte[] _buffer = new byte[64 * 1024];
    private BenchmarkGuest? _guest;
    private Stream _client = Stream.Null;

    [Params("pipes", "socket")]
    public string Over { get; set; } = "";

    [GlobalSetup]
    public async Task ConnectAsync()
    {
        _guest = await BenchmarkGuest.StartAsync();
        if (Over == "pipes")
            _client = _guest.ConnectInProcess();
        else
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(_guest.Listen()));
            _client = new NetworkStream(socket, ownsSocket: true);
        }
        await ReceiveAsync(1);
        await _client.WriteAsync(Inputs.Line("""{"execute": "qmp_capabilities"}"""));
        await ReceiveAsync(1);
    }

    [GlobalCleanup]
    public async Task EndAsync()
    {
        await _client.DisposeAsync();
        await _guest!.DisposeAsync();
    }

    /// <summary>One at a time.</summary>
    [Benchmark]
    public async Task OneAsync()
    {
        await _client.WriteAsync(_one);
        await ReceiveAsync(1);
    }

    /// <summary>64 in flight; the time of each.</summary>
    [Benchmark(OperationsPerInvoke = Depth)]
    public async Task PipelinedAsync()
    {
        await _client.WriteAsync(_batch);
        await ReceiveAsync(Depth);
    }

    /// <summary>The largest answer, made once.</summary>
    [Benchmark]
    public async Task SchemaAsync()
    {
        await _client.WriteAsync(_schema);
        await ReceiveAsync(1);
    }

    private async ValueTask ReceiveAsync(int lines)
    {
        while (lines > 0)
        {
            var count = await _client.ReadAsync(_buffer);
            if (count == 0)
                throw new EndOfStreamException();
            lines -= _buffer.AsSpan(0, count).Count((byte)'\n');
        }
    }
}
