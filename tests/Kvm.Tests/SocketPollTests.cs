using System.Net.Sockets;
using Hostmemd.Kvm.Native;
using Xunit;

namespace Hostmemd.Kvm.Tests;

public sealed class SocketPollTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly SocketPair _pair = new();
    private readonly SocketPoll _poll = new();

    public void Dispose()
    {
        _poll.End();
        _poll.Dispose();
        _pair.Dispose();
    }

    [Fact]
    public async Task An_armed_socket_tells_one_arrival_and_nothing_more_until_it_is_armed_again()
    {
        _poll.Add(_pair.Two.SafeHandle, 7);
        _pair.One.Send("one"u8);
        var next = WaitAsync();
        await Task.Delay(100);
        Assert.False(next.IsCompleted);
        _poll.Arm(_pair.Two.SafeHandle, 7);
        Assert.Equal(7u, await next.WaitAsync(Patience));
        next = WaitAsync();
        _pair.One.Send("two"u8);
        await Task.Delay(100);
        Assert.False(next.IsCompleted);
        _poll.Arm(_pair.Two.SafeHandle, 7);
        Assert.Equal(7u, await next.WaitAsync(Patience));
    }

    [Fact]
    public async Task What_comes_after_it_is_armed_and_the_end_of_the_other_side_are_arrivals()
    {
        _poll.Add(_pair.Two.SafeHandle, 1);
        _poll.Arm(_pair.Two.SafeHandle, 1);
        var next = WaitAsync();
        await Task.Delay(100);
        Assert.False(next.IsCompleted);
        _pair.One.Send("x"u8);
        Assert.Equal(1u, await next.WaitAsync(Patience));
        Assert.Equal(1, await _pair.Two.ReceiveAsync(new byte[8], SocketFlags.None));
        _poll.Arm(_pair.Two.SafeHandle, 1);
        _pair.One.Shutdown(SocketShutdown.Send);
        Assert.Equal(1u, await WaitAsync().WaitAsync(Patience));
    }

    [Fact]
    public async Task One_of_those_who_wait_is_woken()
    {
        _poll.Add(_pair.Two.SafeHandle, 1);
        _poll.Arm(_pair.Two.SafeHandle, 1);
        Task<ulong?>[] waiting = [WaitAsync(), WaitAsync(), WaitAsync()];
        _pair.One.Send("x"u8);
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
        _poll.Add(_pair.Two.SafeHandle, 1);
        _poll.Arm(_pair.Two.SafeHandle, 1);
        _poll.Remove(_pair.Two.SafeHandle);
        _pair.One.Send("x"u8);
        var next = WaitAsync();
        await Task.Delay(100);
        Assert.False(next.IsCompleted);
        Assert.Equal(Errno.ENOENT, Assert.Throws<KernelException>(() => _poll.Remove(_pair.Two.SafeHandle)).Errno);
        Assert.Equal(Errno.ENOENT, Assert.Throws<KernelException>(() => _poll.Arm(_pair.Two.SafeHandle, 1)).Errno);
        Assert.Throws<ArgumentOutOfRangeException>(() => _poll.Add(_pair.Two.SafeHandle, 0));
        _pair.Two.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _poll.Add(_pair.Two.SafeHandle, 1));
        Assert.Throws<ObjectDisposedException>(() => _poll.Arm(_pair.Two.SafeHandle, 1));
    }

    /// <summary>Waits on a thread of its own; null: the waiting was ended.</summary>
    private Task<ulong?> WaitAsync() => Task.Factory.StartNew(
        () => _poll.TryWait(out var key) ? key : (ulong?)null, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
