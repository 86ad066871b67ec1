namespace Hostmemd.Kvm;

/// <summary>GUEST_MEMFD_FLAG_*. Without InitShared the host cannot touch the pages; without Mmap it cannot even map them.</summary>
[Flags]
public enum GuestMemfdFlags : ulong
{
    None = 0,
    Mmap = 1,
    InitShared = 2,
}
