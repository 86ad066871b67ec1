using Xunit;

namespace Hostmemd.Kvm.Tests;

/// <summary>What can be resident at most: the host, or the control group that gives less of it.</summary>
public sealed class HostMemoryLimitTests : IDisposable
{
    private const ulong GiB = 1 << 30;
    private readonly FakeHost _host = new();
    private readonly FakeKernel _kernel = new() { Memory = new SystemMemory(16 * GiB, 0, 4 * GiB, 0) };

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Without_a_group_it_is_memory_and_swap_of_the_host() => Assert.Equal(new HostMemoryLimit(20 * GiB, null), Find());

    [Fact]
    public void A_group_without_a_limit_changes_nothing() => Assert.Equal(
        new HostMemoryLimit(20 * GiB, null), Find(_host.WithGroup("/a").With("/sys/fs/cgroup/a/memory.max", "max\n")));

    [Theory]
    [InlineData(null, 5)]
    [InlineData("max\n", 5)]
    [InlineData("0\n", 1)]
    [InlineData("1073741824\n", 2)]
    public void The_limit_of_a_group_counts_with_the_swap_it_may_use(string? swap, ulong expected)
    {
        _host.WithGroup("/a/b").With("/sys/fs/cgroup/a/memory.max", "1073741824\n").With("/sys/fs/cgroup/a/b/memory.max", "max\n");
        if (swap is not null)
            _host.With("/sys/fs/cgroup/a/memory.swap.max", swap);

        Assert.Equal(new HostMemoryLimit(expected * GiB, "/sys/fs/cgroup/a/memory.max"), Find(_host));
    }

    [Fact]
    public void A_limit_above_what_the_host_has_is_none() => Assert.Equal(
        new HostMemoryLimit(20 * GiB, null), Find(_host.WithGroup("/a").With("/sys/fs/cgroup/a/memory.max", "18446744073709551615\n")));

    [Fact]
    public void Huge_pages_count_only_where_the_mount_says_so()
    {
        _host.WithGroup("/a").With("/sys/fs/cgroup/a/memory.max", "0\n");
        Assert.Null(HostMemoryLimit.Find(_kernel, _host.Files, hugePages: true).File);

        _host.With("/proc/self/mountinfo", "25 20 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,memory_hugetlb_accounting\n");
        Assert.Equal("/sys/fs/cgroup/a/memory.max", HostMemoryLimit.Find(_kernel, _host.Files, hugePages: true).File);
    }

    [Theory]
    [InlineData("9223372036854771712\n", null, 20, null)]
    [InlineData("1073741824\n", null, 5, "memory.limit_in_bytes")]
    [InlineData("1073741824\n", "2147483648\n", 2, "memory.memsw.limit_in_bytes")]
    [InlineData("1073741824\n", "9223372036854771712\n", 5, "memory.limit_in_bytes")]
    public void Version_1_limits_memory_or_memory_and_swap(string ram, string? both, ulong expected, string? file)
    {
        const string group = "/sys/fs/cgroup/memory/a/";
        _host.With("/proc/self/cgroup", "4:memory:/a\n0::/\n")
            .With("/proc/self/mountinfo", "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n")
            .With(group + "memory.limit_in_bytes", ram);
        if (both is not null)
            _host.With(group + "memory.memsw.limit_in_bytes", both);

        Assert.Equal(new HostMemoryLimit(expected * GiB, file is null ? null : group + file), Find(_host));
    }

    [Fact]
    public void A_kernel_that_does_not_tell_is_an_error()
    {
        _kernel.FailAt(nameof(IKernel.Sysinfo), 1, Errno.EFAULT);
        Assert.Throws<KernelException>(() => Find());
    }

    private HostMemoryLimit Find(FakeHost? host = null) => HostMemoryLimit.Find(_kernel, (host ?? _host).Files, hugePages: false);
}
