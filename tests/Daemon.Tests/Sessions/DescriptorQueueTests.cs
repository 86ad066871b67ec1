using Hostmemd.Sessions;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Hostmemd.Daemon.Tests.Sessions;

/// <summary>Which descriptor a command takes, by where both are in the input.</summary>
public sealed class DescriptorQueueTests : IDisposable
{
    private readonly DescriptorQueue _queue = new(4);

    public void Dispose() => _queue.Dispose();

    [Fact]
    public void What_came_behind_the_command_is_left_for_later_ones()
    {
        var (first, second) = (Open(), Open());
        _queue.Add(0, [first]);
        _queue.Add(10, [second]);

        Assert.Same(first, _queue.Take(10));
        Assert.Null(_queue.Take(10));
        Assert.Same(second, _queue.Take(11));
    }

    [Fact]
    public void Only_the_last_message_before_the_command_counts_and_the_others_are_closed()
    {
        var (first, second, third) = (Open(), Open(), Open());
        _queue.Add(0, [first]);
        _queue.Add(1, [second, third]);

        Assert.Same(second, _queue.Take(10));
        Assert.True(first.IsClosed);
        Assert.Same(third, _queue.Take(20));
    }

    [Fact]
    public void Where_those_of_the_last_message_were_lost_none_is_taken()
    {
        var first = Open();
        _queue.Add(0, [first]);
        _queue.Add(5, []);

        Assert.Null(_queue.Take(10));
        Assert.True(first.IsClosed);
    }

    [Fact]
    public void Beyond_the_capacity_the_oldest_are_closed()
    {
        SafeFileHandle[] all = [.. Enumerable.Range(0, 6).Select(_ => Open())];
        for (var i = 0; i < all.Length; i++)
            _queue.Add(i, [all[i]]);

        Assert.Equal([true, true, false, false, false, false], all.Select(handle => handle.IsClosed));
        Assert.Null(_queue.Take(2));
        Assert.Same(all[2], _queue.Take(3));
        for (var i = 6; i < 100; i++)
            _queue.Add(i, []);
        Assert.All(all[3..], handle => Assert.True(handle.IsClosed));
    }

    [Fact]
    public void What_nobody_took_is_closed_at_the_end_and_so_is_what_comes_later()
    {
        var (first, late) = (Open(), Open());
        _queue.Add(0, [first]);
        _queue.Dispose();
        _queue.Add(1, [late]);

        Assert.True(first.IsClosed && late.IsClosed);
        Assert.Null(_queue.Take(10));
    }

    private static SafeFileHandle Open() => File.OpenHandle("/dev/null");
}
