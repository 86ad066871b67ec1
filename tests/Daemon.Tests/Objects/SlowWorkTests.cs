using Hostmemd.Objects;
using Xunit;

namespace Hostmemd.Daemon.Tests.Objects;

/// <summary>How many work at a time, and in whose turn.</summary>
public sealed class SlowWorkTests
{
    private readonly SlowWork _work = new();

    [Fact]
    public async Task Four_work_at_a_time_and_the_fifth_when_one_has_ended()
    {
        using var release = new SemaphoreSlim(0);
        var (running, most, lockOfCounts) = (0, 0, new Lock());
        var all = Enumerable.Range(0, 12).Select(_ => _work.RunAsync(new WorkOwner(), () =>
        {
            lock (lockOfCounts)
                most = Math.Max(most, ++running);
            release.Wait();
            lock (lockOfCounts)
                running--;
        })).ToList();

        await Eventually.TrueAsync(() => Volatile.Read(ref running) == SlowWork.AtOnce, () => "four did not start");
        release.Release(12);
        await Task.WhenAll(all);

        Assert.Equal(SlowWork.AtOnce, most);
    }

    [Fact]
    public async Task Who_has_much_to_do_waits_behind_the_others_after_each_piece()
    {
        using var release = new ManualResetEventSlim();
        var busy = Enumerable.Range(0, 4).Select(_ => _work.RunAsync(new WorkOwner(), release.Wait)).ToList();
        var (greedy, modest, other) = (new WorkOwner(), new WorkOwner(), new WorkOwner());
        var order = new List<string>();
        // One at a time from here on: three of the four go on until the end.
        using var last = new ManualResetEventSlim();
        var rest = Enumerable.Range(0, 3).Select(_ => _work.RunAsync(new WorkOwner(), last.Wait)).ToList();
        var waiting = new List<Task>();
        for (var i = 0; i < 4; i++)
            waiting.Add(RunAsync(greedy, $"greedy {i}"));
        waiting.Add(RunAsync(modest, "modest"));
        waiting.Add(RunAsync(other, "other"));

        release.Set();
        await Task.WhenAll(busy);
        await Task.WhenAll(waiting);
        last.Set();
        await Task.WhenAll(rest);

        Assert.Equal(["greedy 0", "modest", "other", "greedy 1", "greedy 2", "greedy 3"], order);

        Task RunAsync(WorkOwner owner, string name) => _work.RunAsync(owner, () =>
        {
            lock (order)
                order.Add(name);
        });
    }

    [Fact]
    public async Task Work_that_fails_is_told_to_its_caller_and_gives_its_turn_back()
    {
        var owner = new WorkOwner();

        for (var i = 0; i < 2 * SlowWork.AtOnce; i++)
            await Assert.ThrowsAsync<KernelException>(() => _work.RunAsync(owner, () => throw new KernelException("mmap", Errno.ENOMEM)));

        Assert.Equal(7, await _work.RunAsync(owner, () => 7));
    }

    [Fact]
    public async Task Who_works_learns_that_another_waits_and_not_that_he_does_himself()
    {
        using var release = new ManualResetEventSlim();
        var owner = new WorkOwner();
        var all = Enumerable.Range(0, 5).Select(_ => _work.RunAsync(owner, release.Wait)).ToList();
        Assert.False(_work.IsWantedBesides(owner));

        all.Add(_work.RunAsync(new WorkOwner(), () => { }));

        Assert.True(_work.IsWantedBesides(owner));
        release.Set();
        await Task.WhenAll(all);
        Assert.False(_work.IsWantedBesides(owner));
    }
}
