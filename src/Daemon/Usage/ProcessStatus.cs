namespace Hostmemd.Usage;

/// <summary>What /proc/PID/stat says. Source: proc_pid_stat(5).</summary>
/// <param name="StartTime">Clock ticks after the host's start: with the number it is the process's identity.</param>
/// <param name="Parent">The process that it is a child of.</param>
/// <param name="Flags">PF_* of the kernel.</param>
internal readonly record struct ProcessStatus(string Comm, ulong StartTime, int Parent, uint Flags)
{
    private const uint Exiting = 0x4;
    private const uint KernelThread = 0x200000;

    /// <summary>On its way out.</summary>
    public bool IsExiting => (Flags & Exiting) != 0;

    /// <summary>It has neither descriptors nor memory of its own.</summary>
    public bool IsKernelThread => (Flags & KernelThread) != 0;
}
