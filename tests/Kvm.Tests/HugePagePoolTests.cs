using Xunit;

namespace Hostmemd.Kvm.Tests;

/// <summary>The pool of huge pages of hosts that this machine is not.</summary>
public sealed class HugePagePoolTests : IDisposable
{
    private const ulong PageSize = 2 << 20;
    private static readonly uint[] Any = [];
    private readonly FakeHost _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void All_counts_and_nodes_are_read()
    {
        _host.WithPool(16, 12, 3, 1, 4).WithNode(10, 4, 2).WithNode(2, 12, 10).With("/sys/devices/system/node/online", "2,10\n");

        var pool = HugePagePool.Read(_host.Files, PageSize);

        Assert.Equal((16UL, 12UL, 3UL, 1UL, 4UL), (pool.Total, pool.Free, pool.Reserved, pool.Surplus, pool.Overcommit));
        Assert.Equal([new HugePageNode(2, 12, 10, 0), new HugePageNode(10, 4, 2, 0)], pool.Nodes);
    }

    [Fact]
    public void Each_page_size_has_a_pool_of_its_own() =>
        Assert.Null(HugePagePool.Read(_host.WithPool(16, 12, 3).Files, 1 << 30).Free);

    [Fact]
    public void Of_a_host_that_tells_nothing_all_is_unknown()
    {
        var pool = HugePagePool.Read(_host.Files, PageSize);

        Assert.Null(pool.Total);
        Assert.Empty(pool.Nodes);
        Assert.Null(pool.Available(Any));
    }

    [Fact]
    public void A_count_that_is_no_number_is_unknown() =>
        Assert.Null(HugePagePool.Read(_host.WithPool(16, 12, 3).With("/sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages", "?").Files, PageSize)
            .Available(Any));

    [Theory]
    [InlineData(16, 12, 3, 0, 0, 9UL)]
    [InlineData(16, 12, 12, 0, 0, 0UL)]
    [InlineData(16, 2, 12, 0, 0, 0UL)]
    [InlineData(16, 2, 2, 1, 4, 3UL)]
    [InlineData(16, 2, 2, 5, 4, 0UL)]
    public void What_is_reserved_is_not_available_and_what_may_be_surplus_is(
        int total, int free, int reserved, int surplus, int overcommit, ulong available) =>
        Assert.Equal(available, HugePagePool.Read(_host.WithPool(total, free, reserved, surplus, overcommit).Files, PageSize).Available(Any));

    [Theory]
    [InlineData(new uint[] { 0 }, 1UL)]
    [InlineData(new uint[] { 1 }, 7UL)]
    [InlineData(new uint[] { 0, 1, 1 }, 8UL)]
    // Of an unknown node nothing is known: the kernel is the judge.
    [InlineData(new uint[] { 7 }, 9UL)]
    public void Memory_bound_to_nodes_gets_what_is_free_there(uint[] nodes, ulong available)
    {
        _host.WithPool(16, 12, 3).WithNode(0, 4, 1).WithNode(1, 12, 7);

        Assert.Equal(available, HugePagePool.Read(_host.Files, PageSize).Available(nodes));
    }

    [Fact]
    public void Counts_at_the_end_of_the_range_do_not_overflow()
    {
        var pool = new HugePagePool(
            PageSize, 1, ulong.MaxValue, 0, 0, ulong.MaxValue, [new(0, 1, ulong.MaxValue, 0), new(1, 1, ulong.MaxValue, 0)]);

        Assert.Equal(ulong.MaxValue, pool.Available([0, 1]));
    }

    [Fact]
    public void This_host_tells_of_the_pages_that_its_kernel_has()
    {
        foreach (var name in HostFiles.ThisHost.List("/sys/kernel/mm/hugepages"))
        {
            var pool = HugePagePool.Read(HostFiles.ThisHost, ulong.Parse(name["hugepages-".Length..^"kB".Length]) << 10);
            Assert.NotNull(pool.Available(Any));
            Assert.NotEmpty(pool.Nodes);
        }
    }
}
