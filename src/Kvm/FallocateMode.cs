namespace Hostmemd.Kvm;

/// <summary>FALLOC_FL_*.</summary>
[Flags]
public enum FallocateMode
{
    None = 0,
    KeepSize = 1,
    PunchHole = 2,
}
