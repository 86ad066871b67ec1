namespace Hostmemd.Kvm;

/// <summary>What fstatfs says.</summary>
/// <param name="Type">Magic number of the file system.</param>
/// <param name="BlockSize">Bytes; the huge page's size on hugetlbfs.</param>
public readonly record struct FileSystemStatus(long Type, ulong BlockSize)
{
    /// <summary>HUGETLBFS_MAGIC.</summary>
    public const long HugeTlbFs = 0x958458f6;

    public bool IsHugeTlb => Type == HugeTlbFs;
}
