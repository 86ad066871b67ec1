using Xunit;

namespace Hostmemd.Kvm.Tests;

/// <summary>Control groups as hosts, containers and hostile trees show them, and the limits in them.</summary>
public sealed class CgroupTests : IDisposable
{
    private const ulong MiB = 1 << 20;
    private const string Both = """
        31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
        36 31 0:33 / /sys/fs/cgroup/huge\040pages rw,relatime shared:7 master:2 - cgroup cgroup rw,hugetlb
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,memory_hugetlb_accounting
        """;

    private readonly FakeHost _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void The_group_and_all_around_it_are_found_innermost_first()
    {
        var group = Cgroup.Find(_host.WithGroup("/machine.slice/vm.scope").Files, "hugetlb")!;

        Assert.True(group.IsV2);
        Assert.Equal(["/sys/fs/cgroup/machine.slice/vm.scope", "/sys/fs/cgroup/machine.slice", "/sys/fs/cgroup"], group.Directories);
        Assert.Equal(["rw", "nsdelegate"], group.Options);
    }

    [Fact]
    public void Where_the_controller_is_of_version_1_that_counts()
    {
        _host.With("/proc/self/cgroup", "5:hugetlb,pids:/a\n4:memory:/b\n0::/c\n").With("/proc/self/mountinfo", Both);

        Assert.Equal(["/sys/fs/cgroup/huge pages/a", "/sys/fs/cgroup/huge pages"], Cgroup.Find(_host.Files, "hugetlb")!.Directories);
        Assert.False(Cgroup.Find(_host.Files, "memory")!.IsV2);
        Assert.Equal(["/sys/fs/cgroup/unified/c", "/sys/fs/cgroup/unified"], Cgroup.Find(_host.Files, "cpuset")!.Directories);
    }

    [Fact]
    public void In_a_container_the_part_of_the_tree_that_is_mounted_is_searched()
    {
        _host.With("/proc/self/cgroup", "0::/docker/abc/inner\n")
            .With("/proc/self/mountinfo", "25 20 0:22 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");

        Assert.Equal(["/sys/fs/cgroup/inner", "/sys/fs/cgroup"], Cgroup.Find(_host.Files, "memory")!.Directories);
    }

    [Theory]
    [InlineData("0::/../other\n", "25 20 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")]
    [InlineData("0::/dockerabc\n", "25 20 0:22 /docker /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")]
    [InlineData("0::/a\n", "25 20 0:22 / /mnt rw - ext4 /dev/sda rw\n")]
    [InlineData("4:memory:/a\n", "25 20 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")]
    [InlineData("0::/a\n", "25 20 - cgroup2\n - \n-\n\n")]
    [InlineData("nonsense\n:\n::\n\0", "25 20 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")]
    [InlineData("", "")]
    public void What_is_not_mounted_here_or_makes_no_sense_is_no_group(string groups, string mounts) =>
        Assert.Null(Cgroup.Find(_host.With("/proc/self/cgroup", groups).With("/proc/self/mountinfo", mounts).Files, "memory"));

    [Fact]
    public void A_host_without_control_groups_limits_nothing()
    {
        Assert.Null(Cgroup.Find(_host.Files, "memory"));
        Assert.Null(CgroupLimit.TightestOfHugePages(_host.Files, 2 * MiB));
    }

    [Fact]
    public void Of_nested_limits_the_one_with_the_least_left_counts()
    {
        _host.WithGroup("/a/b")
            .With("/sys/fs/cgroup/a/b/hugetlb.2MB.max", "8388608\n").With("/sys/fs/cgroup/a/b/hugetlb.2MB.current", "0\n")
            .With("/sys/fs/cgroup/a/b/hugetlb.2MB.rsvd.max", "max\n")
            .With("/sys/fs/cgroup/a/hugetlb.2MB.max", "max\n")
            .With("/sys/fs/cgroup/a/hugetlb.2MB.rsvd.max", "16777216\n").With("/sys/fs/cgroup/a/hugetlb.2MB.rsvd.current", "12582912\n")
            .With("/sys/fs/cgroup/a/hugetlb.1GB.max", "0\n");

        var limit = CgroupLimit.TightestOfHugePages(_host.Files, 2 * MiB);

        Assert.Equal(new CgroupLimit("/sys/fs/cgroup/a/hugetlb.2MB.rsvd.max", 16 * MiB, 12 * MiB), limit);
        Assert.Equal(4 * MiB, limit!.Left);
        Assert.Equal(new CgroupLimit("/sys/fs/cgroup/a/hugetlb.1GB.max", 0, null), CgroupLimit.TightestOfHugePages(_host.Files, 1 << 30));
        Assert.Null(CgroupLimit.TightestOfHugePages(_host.Files, 64 << 10));
    }

    [Fact]
    public void Version_1_has_other_names_and_a_number_for_no_limit()
    {
        _host.With("/proc/self/cgroup", "5:hugetlb:/a\n").With("/proc/self/mountinfo", Both)
            .With("/sys/fs/cgroup/huge pages/a/hugetlb.2MB.limit_in_bytes", "4194304\n")
            .With("/sys/fs/cgroup/huge pages/a/hugetlb.2MB.usage_in_bytes", "6291456\n")
            .With("/sys/fs/cgroup/huge pages/hugetlb.2MB.limit_in_bytes", "9223372036852678656\n")
            .With("/sys/fs/cgroup/huge pages/hugetlb.1GB.limit_in_bytes", "9223372035781033984\n");

        var limit = CgroupLimit.TightestOfHugePages(_host.Files, 2 * MiB)!;

        Assert.Equal("/sys/fs/cgroup/huge pages/a/hugetlb.2MB.limit_in_bytes", limit.File);
        Assert.Equal(0UL, limit.Left);
        Assert.Null(CgroupLimit.TightestOfHugePages(_host.Files, 1 << 30));
    }
}
