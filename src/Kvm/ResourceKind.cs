namespace Hostmemd.Kvm;

/// <summary>RLIMIT_*.</summary>
public enum ResourceKind
{
    Core = 4,
    OpenFiles = 7,
    LockedMemory = 8,
}
