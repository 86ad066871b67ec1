namespace Hostmemd.Api;

/// <summary>MPOL_* by QEMU's names; the values are the kernel's.</summary>
internal enum HostMemPolicy
{
    Default = 0,
    Preferred = 1,
    Bind = 2,
    Interleave = 3,
}
