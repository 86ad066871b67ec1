namespace Hostmemd.Kvm;

/// <summary>PAGE_IS_* of PAGEMAP_SCAN. Source: Documentation/admin-guide/mm/pagemap.rst.</summary>
[Flags]
public enum PageCategories : ulong
{
    None = 0,

    /// <summary>A page of a file or shared memory; else anonymous.</summary>
    File = 1 << 2,
    Present = 1 << 3,
    Swapped = 1 << 4,

    /// <summary>The shared page of zeros: nothing is allocated.</summary>
    Zero = 1 << 5,

    /// <summary>Mapped as one by the page middle directory or by hugetlb.</summary>
    Huge = 1 << 6,
}
