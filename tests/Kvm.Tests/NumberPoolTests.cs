using Xunit;

namespace Hostmemd.Kvm.Tests;

public sealed class NumberPoolTests
{
    [Fact]
    public void The_lowest_free_number_is_taken()
    {
        var pool = new NumberPool();
        Assert.Equal(Enumerable.Range(0, 200), Enumerable.Range(0, 200).Select(_ => pool.Take()));
        Assert.True(pool.Release(130));
        Assert.True(pool.Release(7));
        Assert.Equal([7, 130, 200], new[] { pool.Take(), pool.Take(), pool.Take() });
        Assert.Equal(201, pool.Count);
    }

    [Fact]
    public void A_number_that_is_asked_for_is_passed_by_later()
    {
        var pool = new NumberPool();
        Assert.True(pool.TryTake(31999));
        Assert.True(pool.TryTake(1));
        Assert.False(pool.TryTake(1));
        Assert.Equal([0, 2], new[] { pool.Take(), pool.Take() });
        Assert.True(pool.IsTaken(31999));
        Assert.False(pool.IsTaken(32000));
    }

    [Fact]
    public void What_nobody_has_cannot_be_given_back()
    {
        var pool = new NumberPool();
        Assert.False(pool.Release(0));
        Assert.False(pool.Release(-1));
        Assert.False(pool.Release(1_000_000));
        pool.Take();
        Assert.True(pool.Release(0));
        Assert.False(pool.Release(0));
        Assert.Equal(0, pool.Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.TryTake(-1));
    }

    [Fact]
    public void It_agrees_with_a_set_over_random_takes_and_releases()
    {
        var (pool, model, random) = (new NumberPool(), new SortedSet<int>(), new Random(1));
        for (var i = 0; i < 20_000; i++)
        {
            var number = random.Next(300);
            switch (random.Next(3))
            {
                case 0:
                    var lowest = Enumerable.Range(0, int.MaxValue).First(free => !model.Contains(free));
                    Assert.Equal(lowest, pool.Take());
                    model.Add(lowest);
                    break;
                case 1:
                    Assert.Equal(model.Add(number), pool.TryTake(number));
                    break;
                default:
                    Assert.Equal(model.Remove(number), pool.Release(number));
                    break;
            }
            Assert.Equal(model.Count, pool.Count);
        }
    }
}
