namespace Hostmemd.Api;

/// <summary>What memory is mapped from.</summary>
internal enum MemoryFdType
{
    None,
    Memfd,
    GuestMemfd,
    Hugetlb,
    Shm,
    File,
}
