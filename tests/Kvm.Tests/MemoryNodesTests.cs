using Xunit;

namespace Hostmemd.Kvm.Tests;

/// <summary>The nodes that have memory, as the host tells.</summary>
public sealed class MemoryNodesTests
{
    [Theory]
    [InlineData("0\n", 0u)]
    [InlineData("17\n", 17u)]
    [InlineData("0-1\n", null)]
    [InlineData("0,8\n", null)]
    [InlineData("\n", null)]
    [InlineData("99999999999\n", null)]
    public void Only_one_is_known_to_be_the_only_one(string text, uint? only)
    {
        using var host = new FakeHost().With("/sys/devices/system/node/has_memory", text);
        Assert.Equal(only, MemoryNodes.Only(host.Files));
    }

    [Fact]
    public void A_host_that_tells_nothing_has_perhaps_several()
    {
        using var host = new FakeHost();
        Assert.Null(MemoryNodes.Only(host.Files));
    }
}
