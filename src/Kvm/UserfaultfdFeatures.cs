namespace Hostmemd.Kvm;

/// <summary>UFFD_FEATURE_*: what a userfaultfd is asked to be able to do. Source: Documentation/admin-guide/mm/userfaultfd.rst.</summary>
[Flags]
public enum UserfaultfdFeatures : ulong
{
    None = 0,

    /// <summary>Write faults are told as such (anonymous memory).</summary>
    WriteProtect = 1 << 0,

    /// <summary>Pages that the file has and this mapping has not.</summary>
    MinorShmem = 1 << 10,

    /// <summary>Write protection of shared memory.</summary>
    WriteProtectShmem = 1 << 12,
}
