using System.Runtime.InteropServices;

namespace Hostmemd.Kvm.Native;

internal static unsafe partial class Libc
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial int flock(int file, int operation);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int rename(byte* from, byte* to);
}
