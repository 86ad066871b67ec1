using System.Runtime.InteropServices;

namespace Hostmemd.Kvm.Native;

internal static unsafe partial class Libc
{
    /// <summary>Room for posix_spawnattr_t (336 bytes) and posix_spawn_file_actions_t (80 bytes) of glibc on 64-bit Linux.</summary>
    public const int SpawnObjectSize = 512;

    // The posix_spawn family returns its errno. Source: man 3 posix_spawn.
    [LibraryImport("libc")]
    public static partial int posix_spawn(int* pid, byte* path, void* actions, void* attributes, byte** arguments, byte** environment);

    [LibraryImport("libc")]
    public static partial int posix_spawn_file_actions_init(void* actions);

    [LibraryImport("libc")]
    public static partial int posix_spawn_file_actions_destroy(void* actions);

    [LibraryImport("libc")]
    public static partial int posix_spawn_file_actions_adddup2(void* actions, int fd, int newFd);

    /// <summary>Since glibc 2.34.</summary>
    [LibraryImport("libc")]
    public static partial int posix_spawn_file_actions_addclosefrom_np(void* actions, int from);

    [LibraryImport("libc")]
    public static partial int posix_spawnattr_init(void* attributes);

    [LibraryImport("libc")]
    public static partial int posix_spawnattr_destroy(void* attributes);

    [LibraryImport("libc")]
    public static partial int posix_spawnattr_setflags(void* attributes, short flags);

    [LibraryImport("libc")]
    public static partial int posix_spawnattr_setsigmask(void* attributes, ulong* set);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int waitid(int idType, uint id, Siginfo* info, int options);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int execve(byte* path, byte** arguments, byte** environment);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int prctl(int option, ulong second, ulong third, ulong fourth, ulong fifth);

    [LibraryImport("libc")]
    public static partial int getppid();

    /// <summary>clock_nanosleep(2); returns its errno.</summary>
    [LibraryImport("libc")]
    public static partial int clock_nanosleep(int clock, int flags, long* time, long* left);

    /// <summary>siginfo_t of 64-bit Linux, as waitid fills it.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    public struct Siginfo
    {
        [FieldOffset(8)] public int Code;
        [FieldOffset(16)] public int Pid;
        [FieldOffset(24)] public int Status;
    }
}
