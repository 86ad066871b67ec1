using System.Net.Sockets;
using Hostmemd.Kvm.Native;
using Xunit;

namespace Hostmemd.Kvm.Tests;

public sealed class SocketPollTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"hostmemd-{Guid.NewGuid():N}");
    private readonly Socket _client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Socket _server;
    private readonly SocketPoll _poll = new();

    public SocketPollTests()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_path));
        listener.Listen();
        _client.Connect(new UnixDomainSocketEndPoint(_path));
        _server = listener.Accept();
    }

    public void Dispose()
    {
        _poll.End();
        _poll.Dispose();
        _client.Dispose();
        _server.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public async Task Each_arrival_is_told_once_whether_or_not_it_was_received()
    {
        _poll.Add(_server.SafeHandle, 7);
        _client.Send("one"u8);
        Assert.Equal(7u, await WaitAsync().WaitAsync(Patience));
        var next = WaitAsync();
        await Task.Delay(100);
        Assert.False(next.IsCompleted);
        _client.Send("two"u8);
        Assert.Equal(7u, await next.WaitAsync(Patience));
    }

    [Fact]
    public async Task What_was_there_before_and_the_end_of_the_other_side_are_arrivals()
    {
        _client.Send("early"u8);
        _poll.Add(_server.SafeHandle, 1);
        Assert.Equal(1u, await WaitAsync().WaitAsync(Patience));
        _client.Shutdown(SocketShutdown.Send);
        Assert.Equal(1u, await WaitAsync().WaitAsync(Patience));
    }

    [Fact]
    public async Task One_of_those_who_wait_is_woken()
    {
        _poll.Add(_server.SafeHandle, 1);
        Task<ulong?>[] waiting = [WaitAsync(), WaitAsync(), WaitAsync()];
        _client.Send("x"u8);
        await Task.WhenAny(waiting).WaitAsync(Patience);
        await Task.Delay(100);
        Assert.Equal(1, waiting.Count(wait => wait.IsCompleted));
        _poll.End();
        Assert.Equal<ulong?>([null, null, 1], (await Task.WhenAll(waiting).WaitAsync(Patience)).Order());
        Assert.Null(await WaitAsync().WaitAsync(Patience));
    }

    [Fact]
    public async Task What_is_removed_or_closed_is_told_no_more()
    {
        _poll.Add(_server.SafeHandle, 1);
        _poll.Remove(_server.SafeHandle);
        _client.Send("x"u8);
        var next = WaitAsync();
        await Task.Delay(100);
        Assert.False(next.IsCompleted);
        Assert.Equal(Errno.ENOENT, Assert.Throws<KernelException>(() => _poll.Remove(_server.SafeHandle)).Errno);
        Assert.Throws<ArgumentOutOfRangeException>(() => _poll.Add(_server.SafeHandle, 0));
        _server.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _poll.Add(_server.SafeHandle, 1));
    }

    /// <summary>Waits on a thread of its own; null: the waiting was ended.</summary>
    private Task<ulong?> WaitAsync() => Task.Factory.StartNew(
        () => _poll.TryWait(out var key) ? key : (ulong?)null, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
