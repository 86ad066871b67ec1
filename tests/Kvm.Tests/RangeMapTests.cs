using Xunit;

namespace Hostmemd.Kvm.Tests;

public class RangeMapTests
{
    [Fact]
    public void Whatever_comes_and_goes_it_answers_as_a_list_that_is_searched_from_the_start()
    {
        var random = new Random(7);
        var map = new RangeMap<ulong>();
        var list = new SortedDictionary<ulong, ulong>();
        for (var turn = 0; turn < 20000; turn++)
        {
            var (start, size, unit) = ((ulong)random.Next(4000), (ulong)random.Next(1, 60), 1UL << random.Next(6));
            var overlap = list.Where(range => range.Key < start + size && start < range.Key + range.Value).Select(range => (ulong?)range.Key).FirstOrDefault();
            Assert.Equal(overlap, map.TryFindOverlap(start, size, out var found) ? found : null);
            Assert.Equal(FirstGap(list, start, size, unit), map.FirstGap(start, size, unit));
            if (overlap is null)
            {
                map.Add(start, size, start);
                list.Add(start, size);
            }
            else
            {
                Assert.Throws<ArgumentException>(() => map.Add(start, size, start));
                // More go than stay, in turns, so that it is seen full, sparse and empty.
                if (turn / 500 % 2 == 0)
                    Assert.Equal(list.Remove(start), map.Remove(start));
                else
                    Assert.Equal(list.Remove(overlap.Value), map.Remove(overlap.Value));
            }
            Assert.Equal(list.Count, map.Count);
        }
        Assert.Equal(list.Keys, map.Values);
        foreach (var start in list.Keys)
            Assert.True(map.Remove(start));
        Assert.Equal(0UL, map.FirstGap(0, ulong.MaxValue, 1));
    }

    [Fact]
    public void Ranges_reach_to_the_last_number_and_not_beyond()
    {
        var map = new RangeMap<string>();
        map.Add(ulong.MaxValue - 9, 10, "last");
        map.Add(0, 10, "first");

        Assert.True(map.TryFindOverlap(ulong.MaxValue, 1, out var last));
        Assert.Equal("last", last);
        Assert.True(map.TryFindOverlap(100, ulong.MaxValue, out _));
        Assert.False(map.TryFindOverlap(10, ulong.MaxValue - 19, out _));
        Assert.Equal(10UL, map.FirstGap(0, ulong.MaxValue - 19, 1));
        Assert.Null(map.FirstGap(0, ulong.MaxValue - 18, 1));
        Assert.Null(map.FirstGap(ulong.MaxValue - 5, 1, 1));
        Assert.Throws<ArgumentException>(() => map.Add(ulong.MaxValue - 20, 30, "wraps"));
        Assert.Throws<ArgumentException>(() => map.Add(20, 0, "empty"));
    }

    private static ulong? FirstGap(SortedDictionary<ulong, ulong> list, ulong from, ulong size, ulong unit)
    {
        for (var at = (from + unit - 1) / unit * unit; ; at += unit)
        {
            if (list.All(range => range.Key >= at + size || at >= range.Key + range.Value))
                return at;
        }
    }
}
