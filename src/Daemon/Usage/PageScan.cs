using System.Diagnostics;
using System.Runtime.InteropServices;
using Hostmemd.Kvm;

namespace Hostmemd.Usage;

/// <summary>
/// Counts the pages of mappings in this process by PAGEMAP_SCAN, a piece at a time, since the address space is locked meanwhile and other
/// threads must be able to map. On a thread that may wait; not thread safe.
/// </summary>
/// <param name="pagemap">/proc/self/pagemap.</param>
internal sealed class PageScan(IKernel kernel, SafeHandle pagemap)
{
    /// <summary>Of small pages, some 40 microseconds.</summary>
    private const ulong Piece = 4 << 20;

    private const int NodeBatch = 1024;

    /// <summary>Then comes a pause: who works without one is preempted with the lock in hand, and all others wait for its next turn.</summary>
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(0.5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    private readonly PageRegion[] _regions = new PageRegion[1024];
    private readonly ulong[] _addresses = new ulong[NodeBatch];
    private readonly int[] _nodes = new int[NodeBatch];
    private long _turnBegan;

    /// <param name="hugePage">Bytes of a huge page there.</param>
    /// <param name="isFile">Whether the pages there are a file's own; null: some are, which each must be asked for.</param>
    /// <param name="nodes">Also ask for the NUMA node of each page.</param>
    /// <exception cref="KernelException">ENOTTY: before Linux 6.7.</exception>
    public PageCounts Count(HostAddress start, ulong size, ulong hugePage, bool? isFile, bool nodes)
    {
        var counts = new PageCounts();
        var also = PageCategories.Zero | PageCategories.Huge | (isFile is null ? PageCategories.File : PageCategories.None);
        _turnBegan = Stopwatch.GetTimestamp();
        var (at, end) = (start, start.Add(size));
        while (at < end)
        {
            var length = Math.Min(Piece, end.Value - at.Value);
            // The kernel takes memory for as many as there is room for.
            var room = _regions.AsSpan(0, (int)Math.Min((ulong)_regions.Length, (length + MappedMemory.PageSize - 1) / MappedMemory.PageSize));
            var found = kernel.ScanPages(pagemap, at, length, also, room, out var scanned);
            foreach (var region in _regions.AsSpan(0, found))
                Add(counts, region, isFile ?? region.Categories.HasFlag(PageCategories.File), nodes ? hugePage : 0);
            if (scanned <= at)
                break;
            at = scanned;
            PauseInTime();
        }
        return counts;
    }

    private void Add(PageCounts counts, in PageRegion region, bool isFile, ulong hugePage)
    {
        if (region.Categories.HasFlag(PageCategories.Zero))
            return;
        if (!region.Categories.HasFlag(PageCategories.Present))
        {
            counts.Swapped += isFile ? 0 : region.Size;
            return;
        }
        counts.Mapped += region.Size;
        counts.Anonymous += isFile ? 0 : region.Size;
        var isHuge = region.Categories.HasFlag(PageCategories.Huge);
        counts.Huge += isHuge ? region.Size : 0;
        if (hugePage != 0)
            AddNodes(counts.Nodes, region, isHuge ? hugePage : MappedMemory.PageSize);
    }

    private void AddNodes(SortedDictionary<uint, ulong> nodes, in PageRegion region, ulong step)
    {
        for (var at = region.Start; at < region.End;)
        {
            var count = 0;
            for (var next = at; next < region.End && count < NodeBatch; next += step)
                _addresses[count++] = next;
            kernel.QueryPageNodes(_addresses.AsSpan(0, count), _nodes);
            foreach (var node in _nodes.AsSpan(0, count))
            {
                // A negative one is an errno: the page has gone meanwhile.
                if (node >= 0)
                    nodes[(uint)node] = nodes.GetValueOrDefault((uint)node) + Math.Min(step, region.End - at);
                at += step;
            }
            PauseInTime();
        }
    }

    private void PauseInTime()
    {
        if (Stopwatch.GetElapsedTime(_turnBegan) < Turn)
            return;
        kernel.Pause(Pause);
        _turnBegan = Stopwatch.GetTimestamp();
    }
}
