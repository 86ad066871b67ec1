using System.IO.Pipelines;
using System.Net.Sockets;
using Hostmemd.Sessions;
using Xunit;

namespace Hostmemd.Daemon.Tests.Sessions;

public sealed class SocketWriterTests : IDisposable
{
    private readonly SocketPair _sockets = new();
    private readonly SocketWriter _writer;

    public SocketWriterTests() =>
        _writer = new SocketWriter(_sockets.Two, PipeWriter.Create(new NetworkStream(_sockets.Two)), TimeProvider.System);

    public void Dispose() => _sockets.Dispose();

    [Fact]
    public async Task What_the_socket_takes_is_sent_inside_the_call()
    {
        var writing = _writer.WriteAsync("{}\r\n"u8.ToArray());
        Assert.True(writing.IsCompletedSuccessfully);
        Assert.False((await writing).IsCompleted);
        Assert.Equal(4, _sockets.One.Available);
    }

    [Fact]
    public async Task What_it_does_not_take_waits_for_the_client_and_arrives_in_order()
    {
        var bytes = new byte[8 << 20];
        Random.Shared.NextBytes(bytes);
        var writing = WriteAsync(bytes);
        Assert.False(writing.IsCompleted);

        var got = new byte[bytes.Length];
        for (var length = 0; length < got.Length;)
        {
            var count = await _sockets.One.ReceiveAsync(got.AsMemory(length)).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
            Assert.NotEqual(0, count);
            length += count;
        }

        await writing;
        Assert.True(got.AsSpan().SequenceEqual(bytes));
        Assert.Equal(0, _sockets.One.Available);

        async Task WriteAsync(ReadOnlyMemory<byte> all)
        {
            const int piece = 3_000_000;
            for (; !all.IsEmpty; all = all[Math.Min(piece, all.Length)..])
                await _writer.WriteAsync(all[..Math.Min(piece, all.Length)]);
        }
    }

    [Fact]
    public async Task What_waits_already_is_not_overtaken()
    {
        "first "u8.CopyTo(_writer.GetSpan(6));
        _writer.Advance(6);
        await _writer.WriteAsync("second"u8.ToArray());
        var got = new byte[12];
        Assert.Equal(12, await _sockets.One.ReceiveAsync(got));
        Assert.Equal("first second"u8.ToArray(), got);
    }

    [Fact]
    public async Task A_client_that_is_gone_is_said_to_be_gone()
    {
        _sockets.One.Dispose();
        await Assert.ThrowsAsync<IOException>(async () => await _writer.WriteAsync("{}\r\n"u8.ToArray()));
        _sockets.Two.Dispose();
        await Assert.ThrowsAsync<IOException>(async () => await _writer.WriteAsync("{}\r\n"u8.ToArray()));
    }
}
