using Hostmemd.Populate;
using Xunit;

namespace Hostmemd.Daemon.Tests.Populate;

/// <summary>The helper's one argument, and how many threads it names.</summary>
public sealed class PopulateOrderTests
{
    private const string Good = "offset=4096,length=8192,threads=2,read=1,policy=3,nodes=0:5,cpus=1:2:63";

    [Theory]
    [InlineData(Good)]
    [InlineData("offset=0,length=4096,threads=1,read=0,policy=0,nodes=,cpus=")]
    public void An_order_is_read_as_it_was_written(string text) => Assert.Equal(text, PopulateOrder.Parse(text)!.ToString());

    [Theory]
    [InlineData("")]
    [InlineData(",")]
    [InlineData("offset")]
    [InlineData(Good + ",more=1")]
    [InlineData(Good + ",offset=4096")]
    [InlineData("offset=4096")]
    [InlineData("offset=1,length=8192,threads=2,read=1,policy=3,nodes=,cpus=")]
    [InlineData("offset=0,length=0,threads=2,read=1,policy=3,nodes=,cpus=")]
    [InlineData("offset=0,length=8191,threads=2,read=1,policy=3,nodes=,cpus=")]
    [InlineData("offset=18446744073709547520,length=8192,threads=2,read=1,policy=3,nodes=,cpus=")]
    [InlineData("offset=0,length=-8192,threads=2,read=1,policy=3,nodes=,cpus=")]
    [InlineData("offset=0,length= 8192,threads=2,read=1,policy=3,nodes=,cpus=")]
    [InlineData("offset=0,length=99999999999999999999,threads=2,read=1,policy=3,nodes=,cpus=")]
    [InlineData("offset=0,length=8192,threads=0,read=1,policy=3,nodes=,cpus=")]
    [InlineData("offset=0,length=8192,threads=65537,read=1,policy=3,nodes=,cpus=")]
    [InlineData("offset=0,length=8192,threads=1,read=2,policy=3,nodes=,cpus=")]
    [InlineData("offset=0,length=8192,threads=1,read=1,policy=4,nodes=,cpus=")]
    [InlineData("offset=0,length=8192,threads=1,read=1,policy=18446744073709551615,nodes=,cpus=")]
    [InlineData("offset=0,length=8192,threads=1,read=1,policy=3,nodes=0:,cpus=")]
    [InlineData("offset=0,length=8192,threads=1,read=1,policy=3,nodes=0,cpus=-1")]
    [InlineData("offset=0,length=8192,threads=1,read=1,policy=3,nodes=0,cpus=65536")]
    public void Nonsense_is_no_order(string text) => Assert.Null(PopulateOrder.Parse(text));

    // Seen in QEMU 11.1.3, on two CPUs.
    [Theory]
    [InlineData(4096, 2, 2, 1)]
    [InlineData(64 << 20, 2, 2, 1)]
    [InlineData(127 << 20, 2, 2, 1)]
    [InlineData(128 << 20, 2, 2, 2)]
    [InlineData(192 << 20, 2, 2, 2)]
    [InlineData(1024 << 20, 1, 2, 1)]
    [InlineData(1024 << 20, uint.MaxValue, 8, 8)]
    public void Threads_are_one_for_each_64_MiB_and_no_more_than_asked_or_cpus(long size, uint asked, int cpus, int threads) =>
        Assert.Equal(threads, PopulateThreads.For((ulong)size, asked, cpus));
}
