namespace Hostmemd.Kvm;

/// <summary>F_SEAL_*.</summary>
[Flags]
public enum FileSeals
{
    None = 0,
    Seal = 0x01,
    Shrink = 0x02,
    Grow = 0x04,
    Write = 0x08,
    FutureWrite = 0x10,
    Exec = 0x20,
}
