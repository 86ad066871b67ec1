namespace Hostmemd.Kvm;

/// <summary>MFD_*; a huge page size is its logarithm shifted by 26. CLOEXEC is always set.</summary>
[Flags]
public enum MemfdFlags : uint
{
    None = 0,
    AllowSealing = 2,
    HugeTlb = 4,
    NoExecSeal = 8,
}
