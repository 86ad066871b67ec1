using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

/// <summary>What a <see cref="MappedMemory"/> is to be. The defaults give anonymous private memory.</summary>
public sealed record MappingOptions
{
    /// <summary>Bytes; mapped is the next whole page.</summary>
    public required ulong Size { get; init; }

    /// <summary>
    /// Alignment of the address, a power of two; 0: 2 MiB for anonymous memory, else the page of the file. Also the DIMM's alignment.
    /// </summary>
    public ulong Alignment { get; init; }

    /// <summary>The file behind it, borrowed for the call; null: anonymous.</summary>
    public SafeHandle? File { get; init; }

    /// <summary>Where in the file.</summary>
    public ulong Offset { get; init; }

    /// <summary>Writes go to the file and to everybody who maps it. Must be set for a guest_memfd, which refuses MAP_PRIVATE.</summary>
    public bool Shared { get; init; }

    public bool ReadOnly { get; init; }

    /// <summary>MAP_NORESERVE: no promise that the pages are there, SIGBUS or the OOM killer later.</summary>
    public bool NoReserve { get; init; }

    /// <summary>
    /// MAP_SYNC, for a shared mapping of persistent memory. Where the file does not support it the mapping is made without, as
    /// <see cref="MappedMemory.IsSynchronous"/> says.
    /// </summary>
    public bool Synchronous { get; init; }

    /// <summary>True: MADV_MERGEABLE, false: MADV_UNMERGEABLE, null: nothing.</summary>
    public bool? Merge { get; init; }

    /// <summary>MADV_HUGEPAGE.</summary>
    public bool HugePage { get; init; }

    /// <summary>MADV_DONTFORK: a child does not get the mapping, so no page is copied because of it.</summary>
    public bool DontFork { get; init; }

    /// <summary>False: MADV_DONTDUMP, the bytes stay out of core dumps.</summary>
    public bool Dump { get; init; } = true;

    public MemoryPolicy Policy { get; init; }

    /// <summary>NUMA nodes of <see cref="Policy"/>.</summary>
    public IReadOnlyList<uint> Nodes { get; init; } = [];
}
