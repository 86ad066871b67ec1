namespace Hostmemd.Kvm;

/// <summary>PROT_*.</summary>
[Flags]
public enum MemoryProtection
{
    None = 0,
    Read = 1,
    Write = 2,
}
