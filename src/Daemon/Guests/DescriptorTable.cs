using System.Numerics;
using Hostmemd.Kvm;
using Hostmemd.Objects;

namespace Hostmemd.Guests;

/// <summary>
/// Has the table of this process's descriptors grow before it is full. The kernel doubles it when one no longer fits, and since other threads
/// use the table too, whoever wanted that one waits for an RCU grace period: 8 to 20 ms, seen on Linux 6.18. Any thread; unknown is null.
/// </summary>
internal sealed class DescriptorTable(IKernel kernel)
{
    /// <summary>The kernel's own for a new process.</summary>
    private const ulong AtFirst = 64;

    /// <summary>8 KiB of the kernel's memory.</summary>
    private const ulong FirstStep = 1024;

    private ulong _room = AtFirst;
    private int _isGrowing;

    /// <summary>How many there are. The size of the directory is their number since Linux 6.2, and 0 before.</summary>
    public ulong? Used => Try(() => kernel.Stat("/proc/self/fd").Size) is { } used and > 0 ? used : null;

    /// <summary>How many this process may have.</summary>
    public ulong? Most => Try(() => kernel.GetRlimit(ResourceKind.OpenFiles).Soft);

    /// <summary>When half of it is used, has it grow beside whoever calls: to four times what is used, or as far as it may.</summary>
    /// <param name="used">Descriptors that there are.</param>
    public void KeepAhead(ulong used)
    {
        var room = Volatile.Read(ref _room);
        if (used * 2 < room)
            return;
        var wanted = Math.Min(Most ?? 0, Math.Max(FirstStep, BitOperations.RoundUpToPowerOf2(used * 4)));
        if (wanted <= room || Interlocked.Exchange(ref _isGrowing, 1) != 0)
            return;
        _ = SlowWork.AsideAsync(() =>
        {
            try
            {
                kernel.GrowDescriptorTable(wanted);
            }
            catch (KernelException)
            {
                // It grows when it must.
            }
            Volatile.Write(ref _room, wanted);
            Volatile.Write(ref _isGrowing, 0);
        });
    }

    private static ulong? Try(Func<ulong> call)
    {
        try
        {
            return call();
        }
        catch (KernelException)
        {
            return null;
        }
    }
}
