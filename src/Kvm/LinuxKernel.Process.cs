using System.Globalization;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Kvm;

public sealed unsafe partial class LinuxKernel
{
    // 65,536 CPUs: every number that a list of 16-bit numbers can name.
    private const int AffinityWords = 1024;

    private const int SignalBlock = 0; // SIG_BLOCK, not on mips or alpha

    public Lock CloseOnExecGate { get; } = new();

    public string KernelRelease { get; } = System.IO.File.ReadAllText("/proc/sys/kernel/osrelease").TrimEnd('\n');

    public SystemMemory Sysinfo()
    {
        Libc.Sysinfo info = default;
        // SAFETY: the kernel fills exactly this structure, on this stack frame.
        Check("sysinfo", Syscall.Result(Libc.sysinfo(&info)));
        var unit = info.Unit == 0 ? 1UL : info.Unit;
        return new SystemMemory(info.TotalRam * unit, info.FreeRam * unit, info.TotalSwap * unit, info.FreeSwap * unit);
    }

    public ResourceLimit GetRlimit(ResourceKind kind)
    {
        Libc.Rlimit limit = default;
        // SAFETY: as in Sysinfo.
        Check("getrlimit", Syscall.Result(Libc.getrlimit((int)kind, &limit)));
        return new ResourceLimit(limit.Soft, limit.Hard);
    }

    public void SetRlimit(ResourceKind kind, ResourceLimit limit)
    {
        var argument = new Libc.Rlimit { Soft = limit.Soft, Hard = limit.Hard };
        // SAFETY: a copy on this stack frame.
        Check("setrlimit", Syscall.Result(Libc.setrlimit((int)kind, &argument)));
    }

    public int Gettid() => (int)Check("gettid", Syscall.Gettid());

    public void Tgkill(int tid, int signal) => Check("tgkill", Syscall.Tgkill(Environment.ProcessId, tid, signal));

    public IReadOnlyList<int> GetAffinity(int tid)
    {
        var mask = new ulong[AffinityWords];
        fixed (ulong* start = mask)
        {
            // SAFETY: the kernel writes at most the size it is given and says how much.
            Check("sched_getaffinity", Syscall.SchedGetaffinity(tid, AffinityWords * sizeof(ulong), start));
        }
        return [.. Enumerable.Range(0, AffinityWords * 64).Where(cpu => (mask[cpu / 64] & (1UL << (cpu % 64))) != 0)];
    }

    public void SetAffinity(int tid, IReadOnlyCollection<int> cpus)
    {
        ArgumentNullException.ThrowIfNull(cpus);
        var mask = new ulong[AffinityWords];
        foreach (var cpu in cpus)
        {
            if (cpu < 0 || cpu >= AffinityWords * 64)
                throw new KernelException("sched_setaffinity", Errno.EINVAL);
            mask[cpu / 64] |= 1UL << (cpu % 64);
        }
        fixed (ulong* start = mask)
        {
            // SAFETY: as long as said; the kernel reads what it has CPUs for and ignores the rest.
            Check("sched_setaffinity", Syscall.SchedSetaffinity(tid, AffinityWords * sizeof(ulong), start));
        }
    }

    public IReadOnlyList<int> GetCpusOfNode(uint node)
    {
        var path = string.Create(CultureInfo.InvariantCulture, $"/sys/devices/system/node/node{node}/cpulist");
        try
        {
            return NumberList.Parse(System.IO.File.ReadAllText(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return [];
        }
    }

    public void BlockSignal(int signal)
    {
        var set = stackalloc ulong[Libc.SigsetWords];
        SetOf(signal, set);
        // SAFETY: a whole sigset_t on this stack frame; the old mask is not asked for. This function returns its errno.
        Check("pthread_sigmask", -Libc.pthread_sigmask(SignalBlock, set, null));
    }

    public bool TakePendingSignal(int signal)
    {
        var set = stackalloc ulong[Libc.SigsetWords];
        var none = stackalloc long[2] { 0, 0 };
        SetOf(signal, set);
        // SAFETY: a whole sigset_t and a struct timespec on this stack frame.
        var result = Uninterrupted(() => Syscall.Result(Libc.sigtimedwait(set, null, none)));
        return result != -Errno.EAGAIN && Check("sigtimedwait", result) == signal;
    }

    private static void SetOf(int signal, ulong* set)
    {
        new Span<ulong>(set, Libc.SigsetWords).Clear();
        set[(signal - 1) / 64] = 1UL << ((signal - 1) % 64);
    }
}
