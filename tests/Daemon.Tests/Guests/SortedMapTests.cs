using Hostmemd.Guests;
using Xunit;

namespace Hostmemd.Daemon.Tests.Guests;

public sealed class SortedMapTests
{
    [Theory]
    [InlineData(20)]
    [InlineData(100_000)]
    public void It_agrees_with_a_sorted_dictionary_over_random_changes(int keys)
    {
        var (map, model, random) = (SortedMap<int, string>.Empty(Comparer<int>.Default), new SortedDictionary<int, string>(), new Random(keys));
        for (var round = 0; round < 40; round++)
        {
            // It grows, and shrinks to nothing again.
            for (var i = 0; i < 400; i++)
            {
                var key = random.Next(keys);
                if (round < 20 && model.TryAdd(key, $"v{key}"))
                    map = map.Add(key, $"v{key}");
                key = round < 20 ? random.Next(keys) : model.Keys.FirstOrDefault() + random.Next(2);
                map = random.Next(3) == 0 || round >= 20 ? map.Remove(key) : map;
                if (map.Count != model.Count)
                    Assert.True(model.Remove(key));
            }
            Assert.Equal(model.Count, map.Count);
            Assert.Equal(model.Values, map.Values);
            for (var i = 0; i < 20; i++)
            {
                var key = random.Next(-1, keys + 1);
                Assert.Equal(model.GetValueOrDefault(key), map.GetValueOrDefault(key));
                var skipped = model.Keys.Count(other => other <= key);
                Assert.Equal(model.Values.Skip(Math.Max(skipped - 1, 0)), map.FromLastUpTo(key));
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void It_holds_what_comes_in_order(int step)
    {
        var map = SortedMap<int, int>.Empty(Comparer<int>.Default);
        for (var i = 0; i < 20_000; i++)
            map = map.Add(i * step, i);
        Assert.Equal(Enumerable.Range(0, 20_000).Select(i => step > 0 ? i : 19_999 - i), map.Values);
        for (var i = 0; i < 20_000; i++)
            map = map.Remove(i * step);
        Assert.Equal(0, map.Count);
        Assert.Empty(map.Values);
    }

    [Fact]
    public void A_change_leaves_the_old_one_as_it_was()
    {
        var map = Enumerable.Range(0, 1000).Aggregate(SortedMap<int, int>.Empty(Comparer<int>.Default), (map, i) => map.Add(i, i));
        var (more, less) = (map.Add(1000, 1000), map.Remove(500));
        Assert.Equal(Enumerable.Range(0, 1000), map.Values);
        Assert.Equal(Enumerable.Range(0, 1001), more.Values);
        Assert.Equal(Enumerable.Range(0, 1000).Where(i => i != 500), less.Values);
        Assert.Same(map, map.Remove(1000));
        Assert.Throws<ArgumentException>(() => map.Add(7, 7));
    }
}
