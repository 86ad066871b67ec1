using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

/// <summary>O_*, mostly those that have the same value on x86-64 and arm64. O_CLOEXEC is always added.</summary>
public static class OpenFlags
{
    public const int ReadOnly = 0;

    public const int WriteOnly = 1;

    public const int ReadWrite = 2;

    public const int Create = 0x40;

    public const int Exclusive = 0x80;

    public const int Truncate = 0x200;

    public const int NoTerminal = 0x100;

    public const int NonBlocking = 0x800;

    /// <summary>The last component of a path must not be a link.</summary>
    public static int NoFollow => RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 0x20000 : 0x8000;

    /// <summary>A place in the tree, not the file itself: its open is not called.</summary>
    public const int PathOnly = 0x200000;
}
