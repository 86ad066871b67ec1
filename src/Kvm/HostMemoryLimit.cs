namespace Hostmemd.Kvm;

/// <summary>The most memory that can ever be resident here: RAM and swap of the host, or what control groups leave of it.</summary>
/// <param name="Bytes">RAM and swap together.</param>
/// <param name="File">The control group's file that limits it; null: the host itself does.</param>
public sealed record HostMemoryLimit(ulong Bytes, string? File)
{
    /// <summary>The smallest of all that hold here now.</summary>
    /// <param name="hugePages">Of memory of huge pages: a group's memory limit counts it only where it is mounted so.</param>
    /// <exception cref="KernelException">The kernel does not tell how much the host has.</exception>
    public static HostMemoryLimit Find(IKernel kernel, HostFiles host, bool hugePages)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        var memory = kernel.Sysinfo();
        var smallest = new HostMemoryLimit(Sum(memory.TotalRam, memory.TotalSwap), null);
        // Source: cgroup-v2.rst, memory_hugetlb_accounting.
        if (Cgroup.Find(host, "memory") is not { } group || (hugePages && !group.Options.Contains("memory_hugetlb_accounting")))
            return smallest;
        foreach (var directory in group.Directories)
            foreach (var limit in group.IsV2 ? Version2(host, directory, memory.TotalSwap) : Version1(host, directory, memory.TotalSwap))
                if (limit.Bytes < smallest.Bytes)
                    smallest = limit;
        return smallest;
    }

    private static IEnumerable<HostMemoryLimit> Version2(HostFiles host, string directory, ulong totalSwap)
    {
        // "max" is no number: no limit.
        var swap = Math.Min(host.TryReadNumber(directory + "/memory.swap.max") ?? totalSwap, totalSwap);
        if (host.TryReadNumber(directory + "/memory.max") is { } ram)
            yield return new HostMemoryLimit(Sum(ram, swap), directory + "/memory.max");
    }

    private static IEnumerable<HostMemoryLimit> Version1(HostFiles host, string directory, ulong totalSwap)
    {
        if (host.TryReadNumber(directory + "/memory.limit_in_bytes") is { } ram && !CgroupLimit.IsUnlimited(ram))
            yield return new HostMemoryLimit(Sum(ram, totalSwap), directory + "/memory.limit_in_bytes");
        if (host.TryReadNumber(directory + "/memory.memsw.limit_in_bytes") is { } both && !CgroupLimit.IsUnlimited(both))
            yield return new HostMemoryLimit(both, directory + "/memory.memsw.limit_in_bytes");
    }

    private static ulong Sum(ulong one, ulong other) => one > ulong.MaxValue - other ? ulong.MaxValue : one + other;
}
