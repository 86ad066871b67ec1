using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Objects.Allocation;

namespace Hostmemd.Usage;

/// <summary>
/// Measures what backends cost, by the file where there is one and by the page tables. On a thread that may wait; not thread safe.
/// </summary>
/// <remarks>
/// The backends are not held: object-del must not fail because somebody looks. So one may go meanwhile; its address is only looked up, never
/// read, and the caller leaves out what has gone.
/// </remarks>
internal sealed class BackendMeasure : IDisposable
{
    private const int ReadOnly = 0;
    private const ulong BlockSize = 512;

    /// <summary>What the page middle directory maps, on machines with pages of 4 KiB.</summary>
    private const ulong TransparentHugePage = 2 << 20;

    private readonly IKernel _kernel;
    private readonly SafeHandle? _pagemap;
    private readonly PageScan? _scan;
    private readonly bool _nothingSwapped;
    private readonly bool _placement;
    private readonly uint? _onlyNode;

    /// <param name="placement">Page sizes and nodes too.</param>
    /// <exception cref="KernelException">The host's swap is not known.</exception>
    public BackendMeasure(IKernel kernel, HostFiles files, bool placement)
    {
        (_kernel, _placement) = (kernel, placement);
        _onlyNode = placement ? MemoryNodes.Only(files) : null;
        var host = kernel.Sysinfo();
        _nothingSwapped = host.FreeSwap == host.TotalSwap;
        try
        {
            _pagemap = kernel.Open("/proc/self/pagemap", ReadOnly, 0);
            _scan = new PageScan(kernel, _pagemap);
        }
        catch (KernelException)
        {
            // Without it the page tables are not known, and that is how it is answered.
        }
    }

    public void Dispose() => _pagemap?.Dispose();

    /// <exception cref="KernelException">The backend's file cannot be asked.</exception>
    /// <exception cref="ObjectDisposedException">The backend has gone.</exception>
    public (MemoryUsageInfo Usage, MemoryFile? File) Measure(PublishedBackend published)
    {
        var (backend, properties) = published;
        var file = backend.File is null ? null : MemoryFile.Of(_kernel, backend.File);
        var hugePage = file is { Type: MemoryFdType.Hugetlb } ? file.PageSize : TransparentHugePage;
        var isPrivate = file is null || properties.Share != true;
        var (cached, evicted) = file is null ? (0UL, 0UL) : InFile(backend.File!, file.Type, backend.Memory);
        // A file that has no pages is mapped nowhere.
        var isEmpty = !isPrivate && cached == 0 && evicted == 0;
        var pages = !isPrivate && !_placement ? null : isEmpty ? new PageCounts() : TryScan(backend.Memory, hugePage, isPrivate, file?.Type);
        var usage = new MemoryUsageInfo
        {
            Memdev = backend.QomPath,
            Size = backend.Memory.Size,
            FdType = file?.Type ?? MemoryFdType.None,
            MappedHere = pages?.Mapped,
        };
        usage.Resident = (file, pages) switch
        {
            (null, null) => InCore(backend.Memory),
            (null, _) => pages.Anonymous,
            // A private mapping of a file has its own copies of what was written, beside the file's pages.
            (_, { } counted) when isPrivate => cached + counted.Anonymous,
            _ => cached,
        };
        if (evicted is not null && (pages is not null || !isPrivate))
            usage.Swapped = evicted + (pages?.Swapped ?? 0);
        if (_placement && pages is not null)
        {
            usage.Pages = Sizes(pages, hugePage);
            usage.Nodes = [.. pages.Nodes.Select(node => new MemoryNodeUsage { Node = node.Key, Bytes = node.Value })];
        }
        return (usage, file);
    }

    private static List<MemoryPageUsage> Sizes(PageCounts pages, ulong hugePage)
    {
        var sizes = new List<MemoryPageUsage>();
        if (pages.Mapped > pages.Huge)
            sizes.Add(new MemoryPageUsage { PageSize = MappedMemory.PageSize, Bytes = pages.Mapped - pages.Huge });
        if (pages.Huge > 0)
            sizes.Add(new MemoryPageUsage { PageSize = hugePage, Bytes = pages.Huge });
        return sizes;
    }

    private PageCounts? TryScan(MappedMemory memory, ulong hugePage, bool isPrivate, MemoryFdType? type)
    {
        // What is only lent is not mapped here.
        if (!memory.IsMapped)
            return new PageCounts();
        // A private mapping of a file has pages of both kinds.
        bool? isFile = isPrivate && type is not null ? null : !isPrivate;
        // A file can be of a device, whose pages are on no node.
        var node = type == MemoryFdType.File ? null : _onlyNode;
        try
        {
            var counts = _scan?.Count(memory.Address, memory.Size, hugePage, isFile, nodes: _placement && node is null);
            if (node is { } only && counts is { Mapped: > 0 })
                counts.Nodes[only] = counts.Mapped;
            return counts;
        }
        catch (KernelException)
        {
            return null;
        }
    }

    /// <summary>Bytes of the file in memory and in swap; null: not known.</summary>
    private (ulong Cached, ulong? Evicted) InFile(BackingFile backing, MemoryFdType type, MappedMemory memory)
    {
        var file = backing.Handle;
        var status = _kernel.Fstat(file);
        // Blocks cost nothing to ask for, but they are those of the whole file, and on tmpfs they count what is in swap too.
        if (type == MemoryFdType.Hugetlb || (type is MemoryFdType.Memfd or MemoryFdType.Shm && _nothingSwapped && status.Size == memory.Size))
            return (status.Blocks * BlockSize, 0);
        try
        {
            var cache = _kernel.Cachestat(file, backing.Offset, memory.Size);
            // What was evicted of another file is on its disk, not in swap.
            ulong? swapped = type switch
            {
                MemoryFdType.GuestMemfd => 0,
                MemoryFdType.Memfd or MemoryFdType.Shm => cache.Evicted * MappedMemory.PageSize,
                _ => null,
            };
            return (cache.Cached * MappedMemory.PageSize, swapped);
        }
        catch (KernelException)
        {
            // Before Linux 6.5. Blocks count what is in swap too; a guest_memfd has none.
            return (type == MemoryFdType.GuestMemfd ? InCore(memory) : status.Blocks * BlockSize, null);
        }
    }

    /// <summary>Bytes of a mapping in memory, by mincore.</summary>
    private ulong InCore(MappedMemory memory)
    {
        const ulong piece = 64 << 20;
        var resident = 0UL;
        var pages = new byte[piece / MappedMemory.PageSize];
        for (ulong at = 0; at < memory.Size; at += piece)
        {
            var length = Math.Min(piece, memory.Size - at);
            var part = pages.AsSpan(0, (int)((length + MappedMemory.PageSize - 1) / MappedMemory.PageSize));
            _kernel.Mincore(memory.Address.Add(at), length, part);
            foreach (var page in part)
                resident += (page & 1UL) * MappedMemory.PageSize;
        }
        return resident;
    }
}
