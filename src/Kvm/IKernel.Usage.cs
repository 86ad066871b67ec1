using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

/// <remarks>What memory costs and who has it: nothing here touches the memory itself.</remarks>
public partial interface IKernel
{
    /// <summary>cachestat(2): how much of a file is in memory. Takes no lock of the address space.</summary>
    /// <exception cref="KernelException">ENOSYS: before Linux 6.5. EOPNOTSUPP: hugetlb. EPERM: not ours and not open for writing.</exception>
    FileCacheStatus Cachestat(SafeHandle file, ulong offset, ulong length);

    /// <summary>mincore(2): one byte a page of 4 KiB, bit 0 set where it is in memory.</summary>
    /// <param name="pages">A byte for each page of the range.</param>
    void Mincore(HostAddress address, ulong length, Span<byte> pages);

    /// <summary>ioctl(PAGEMAP_SCAN): the pages that are present or swapped out, as the page tables have them.</summary>
    /// <param name="pagemap">/proc/self/pagemap.</param>
    /// <param name="also">What else to tell of them; for <see cref="PageCategories.File"/> the kernel looks at each page itself, half its work.</param>
    /// <param name="regions">Filled from the start.</param>
    /// <param name="scanned">Where the scan ended: behind the range, or where <paramref name="regions"/> was full.</param>
    /// <returns>How many regions were found.</returns>
    /// <exception cref="KernelException">ENOTTY: before Linux 6.7.</exception>
    /// <remarks>The address space is locked meanwhile, about 10 us a MiB of small pages: ask for short ranges.</remarks>
    int ScanPages(SafeHandle pagemap, HostAddress start, ulong length, PageCategories also, Span<PageRegion> regions, out HostAddress scanned);

    /// <summary>move_pages(2) that moves nothing: the NUMA node of each page.</summary>
    /// <param name="nodes">As long as <paramref name="addresses"/>; the node, or a negative errno where no page is.</param>
    void QueryPageNodes(ReadOnlySpan<ulong> addresses, Span<int> nodes);

    /// <summary>stat(2). Follows /proc/PID/fd/N without opening it.</summary>
    FileStatus Stat(string path);

    /// <summary>readlink(2).</summary>
    string ReadLink(string path);

    /// <summary>getdents64(2): the next entries of an open directory, as struct linux_dirent64.</summary>
    /// <returns>Bytes; 0 at the end.</returns>
    int ReadDirectory(SafeHandle directory, Span<byte> buffer);
}
