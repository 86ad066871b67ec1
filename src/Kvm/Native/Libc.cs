using System.Runtime.InteropServices;

namespace Hostmemd.Kvm.Native;

/// <summary>The C library's functions that Tmds.LibC does not bind.</summary>
internal static unsafe partial class Libc
{
    /// <summary>glibc's sigset_t is 1,024 bits wide; the kernel reads the first 64.</summary>
    public const int SigsetWords = 16;

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint process_vm_readv(int pid, Iovec* local, ulong localCount, Iovec* remote, ulong remoteCount, ulong flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint process_vm_writev(int pid, Iovec* local, ulong localCount, Iovec* remote, ulong remoteCount, ulong flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fstatfs(int fd, Statfs* status);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int sysinfo(Sysinfo* info);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int getrlimit(int resource, Rlimit* limit);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int setrlimit(int resource, Rlimit* limit);

    [LibraryImport("libc")]
    public static partial int pthread_sigmask(int how, ulong* set, ulong* old);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int sigtimedwait(ulong* set, void* info, long* timeout);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint pwrite(int fd, void* buffer, ulong length, long offset);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int mincore(ulong address, ulong length, byte* pages);

    /// <summary>struct pm_scan_arg of linux/fs.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PagemapScanArgument
    {
        public ulong Size;
        public ulong Flags;
        public ulong Start;
        public ulong End;
        public ulong WalkEnd;
        public ulong Regions;
        public ulong RegionCount;
        public ulong MaxPages;
        public ulong Inverted;
        public ulong AllOf;
        public ulong AnyOf;
        public ulong Returned;
    }

    public struct Iovec
    {
        public void* Base;
        public ulong Length;
    }

    public struct Rlimit
    {
        public ulong Soft;
        public ulong Hard;
    }

    /// <summary>struct statfs of 64-bit Linux; what is not needed is only counted.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 120)]
    public struct Statfs
    {
        public long Type;
        public long BlockSize;
    }

    /// <summary>struct sysinfo of 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 112)]
    public struct Sysinfo
    {
        [FieldOffset(32)] public ulong TotalRam;
        [FieldOffset(40)] public ulong FreeRam;
        [FieldOffset(64)] public ulong TotalSwap;
        [FieldOffset(72)] public ulong FreeSwap;
        [FieldOffset(104)] public uint Unit;
    }

    /// <summary>mallopt(3).</summary>
    /// <returns>1, or 0 where it failed.</returns>
    [LibraryImport("libc")]
    public static partial int mallopt(int param, int value);
}
