using Hostmemd.Objects;
using Xunit;

namespace Hostmemd.Daemon.Tests.Objects;

/// <summary>Parts that become a whole.</summary>
public sealed class PopulatedRangesTests
{
    [Theory]
    [InlineData("0+10", true)]
    [InlineData("0+9", false)]
    [InlineData("1+9", false)]
    [InlineData("0+4 6+4", false)]
    [InlineData("0+4 6+4 4+2", true)]
    [InlineData("6+4 0+4 3+4", true)]
    [InlineData("2+2 4+2 8+2 0+1 1+1 6+2", true)]
    [InlineData("5+1 0+3 2+8", true)]
    [InlineData("0+20", true)]
    public void Parts_in_any_order_cover_all_or_do_not(string parts, bool covered)
    {
        var ranges = new PopulatedRanges();
        foreach (var part in parts.Split(' ').Select(part => part.Split('+').Select(ulong.Parse).ToArray()))
            ranges.Add(part[0], part[1]);

        Assert.Equal(covered, ranges.Cover(10));
    }
}
