namespace Hostmemd.Kvm;

/// <summary>MPOL_*: where pages may come from. Source: man 2 mbind.</summary>
public enum MemoryPolicy
{
    Default = 0,
    Preferred = 1,
    Bind = 2,
    Interleave = 3,
    PreferredMany = 5,
}
