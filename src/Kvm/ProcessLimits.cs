namespace Hostmemd.Kvm;

/// <summary>What the daemon asks of its own process at start.</summary>
public static class ProcessLimits
{
    /// <summary>Raises the soft limit of open files to the hard one: each backend is a descriptor.</summary>
    /// <returns>The limit that is in force now.</returns>
    public static ulong RaiseOpenFiles(IKernel kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        var limit = kernel.GetRlimit(ResourceKind.OpenFiles);
        if (limit.Soft < limit.Hard)
            kernel.SetRlimit(ResourceKind.OpenFiles, limit with { Soft = limit.Hard });
        return limit.Hard;
    }

    /// <summary>No core dump, soft nor hard: it would hold what guests have in memory.</summary>
    public static void ForbidCoreDumps(IKernel kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        kernel.SetRlimit(ResourceKind.Core, default);
    }

    /// <summary>
    /// One malloc arena for all threads: the runtime takes little by malloc, and an arena a thread is two mappings and 64 MiB of address space.
    /// Source: man 3 mallopt.
    /// </summary>
    public static void UseOneMallocArena()
    {
        const int arenaMax = -8; // M_ARENA_MAX
        _ = Native.Libc.mallopt(arenaMax, 1);
    }
}
