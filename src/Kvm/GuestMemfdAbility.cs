namespace Hostmemd.Kvm;

/// <summary>What a guest_memfd may be able to do. The order is that of the report.</summary>
public enum GuestMemfdAbility
{
    Create,
    Mmap,
    InitShared,
    Populate,
    PunchHole,
    BindFd,
    BindAddress,
    BindAddressOtherVm,
    BindFdOtherVm,
    DirtyLogAddress,
    DirtyLogFd,
    ReadonlyFd,
    AliasFd,
    MoveFd,
    NumaPolicy,
    UserfaultfdMissing,
    UserfaultfdMinor,
    UserfaultfdWp,
    Write,
    Resize,
    Hugetlb,
    MemoryAttributes,
    PreFault,
    OffsetOverflowRefused,
}
