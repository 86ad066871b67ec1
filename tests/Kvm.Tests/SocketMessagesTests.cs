using System.Net.Sockets;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Hostmemd.Kvm.Tests;

public sealed class SocketMessagesTests : IDisposable
{
    private readonly LinuxKernel _kernel = new();
    private readonly SocketPair _pair = new();
    private readonly List<SafeFileHandle> _received = [];

    public void Dispose()
    {
        _received.ForEach(handle => handle.Dispose());
        _pair.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(SocketMessages.MaxDescriptors)]
    public void Exactly_the_descriptors_that_were_sent_arrive_close_on_exec(int count)
    {
        using var file = _kernel.MemfdCreate("sent", MemfdFlags.None);
        var numbers = Enumerable.Repeat(file.Number, count).ToArray();
        Assert.Equal(5, SocketMessages.Send(_pair.One.SafeHandle, "hello"u8, numbers));
        var buffer = new byte[100];
        Assert.Equal(new ReceivedMessage(5, false, false), SocketMessages.Receive(_pair.Two.SafeHandle, buffer, _received));
        Assert.Equal("hello"u8, buffer.AsSpan(0, 5));
        Assert.Equal(count, _received.Count);
        var inode = _kernel.Fstat(file).Inode;
        Assert.All(_received, handle => Assert.Equal(inode, _kernel.Fstat(handle).Inode));
        Assert.Contains("flags:\t02", File.ReadAllText($"/proc/self/fdinfo/{_received[0].DangerousGetHandle()}"), StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_socket_would_block_and_a_closed_one_is_at_its_end()
    {
        var buffer = new byte[10];
        Assert.Equal(new ReceivedMessage(0, true, false), SocketMessages.Receive(_pair.Two.SafeHandle, buffer, _received));
        Assert.Equal(3, SocketMessages.Send(_pair.One.SafeHandle, "end"u8, []));
        _pair.One.Shutdown(SocketShutdown.Send);
        Assert.Equal(3, SocketMessages.Receive(_pair.Two.SafeHandle, buffer, _received).Bytes);
        Assert.Equal(new ReceivedMessage(0, false, false), SocketMessages.Receive(_pair.Two.SafeHandle, buffer, _received));
        Assert.Empty(_received);
    }

    [Fact]
    public void A_full_socket_would_block_and_a_dead_one_is_EPIPE_without_a_signal()
    {
        var big = new byte[1 << 20];
        int sent;
        do
            sent = SocketMessages.Send(_pair.One.SafeHandle, big, []);
        while (sent >= 0);
        Assert.Equal(-1, sent);
        _pair.Two.Dispose();
        Assert.Equal(Errno.EPIPE, Assert.Throws<KernelException>(() => SocketMessages.Send(_pair.One.SafeHandle, big, [])).Errno);
    }

    [Fact]
    public void Messages_with_descriptors_keep_their_bounds()
    {
        using var file = _kernel.MemfdCreate("sent", MemfdFlags.None);
        SocketMessages.Send(_pair.One.SafeHandle, "plain "u8, []);
        SocketMessages.Send(_pair.One.SafeHandle, "first "u8, [file.Number]);
        SocketMessages.Send(_pair.One.SafeHandle, "second"u8, [file.Number]);
        var buffer = new byte[100];
        var counts = new List<(int, int)>();
        for (var i = 0; i < 3; i++)
        {
            var message = SocketMessages.Receive(_pair.Two.SafeHandle, buffer, _received);
            counts.Add((message.Bytes, _received.Count));
            if (counts.Sum(c => c.Item1) == 18)
                break;
        }

        // Bytes before a descriptor may come with it, bytes behind the next one may not.
        Assert.Equal((18, 2), (counts.Sum(c => c.Item1), _received.Count));
        Assert.True(counts.Count >= 2);
    }

    [Fact]
    public void A_closed_socket_is_an_error_of_the_caller()
    {
        _pair.Two.Dispose();
        Assert.Throws<ObjectDisposedException>(() => SocketMessages.Receive(_pair.Two.SafeHandle, new byte[1], _received));
        Assert.Throws<ArgumentOutOfRangeException>(() => SocketMessages.Send(_pair.One.SafeHandle, "x"u8, new int[SocketMessages.MaxDescriptors + 1]));
    }
}
