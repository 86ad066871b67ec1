using System.Runtime.InteropServices;
using Hostmemd.Kvm;
using Hostmemd.Objects;

namespace Hostmemd.Populate;

/// <summary>A range of guest memory whose pages are to be allocated.</summary>
internal sealed record PopulateRequest
{
    /// <summary>The mapping; it must stay until the work has ended.</summary>
    public required MappedMemory Memory { get; init; }

    /// <summary>For whom it is done.</summary>
    public WorkOwner Owner { get; init; } = new();

    /// <summary>The file behind the mapping, which must stay open until the work has ended; null: anonymous memory.</summary>
    public SafeHandle? File { get; init; }

    /// <summary>Where in the file the mapping begins; bytes.</summary>
    public ulong FileOffset { get; init; }

    /// <summary>The pages are the file's own, for everybody to see: then another process can make them.</summary>
    public bool Shared { get; init; }

    /// <summary>The mapping cannot be written: its pages are read in.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Start of the range in the mapping; bytes, page aligned.</summary>
    public ulong Offset { get; init; }

    /// <summary>Bytes, page aligned.</summary>
    public required ulong Length { get; init; }

    /// <summary>How many threads are asked for; <see cref="PopulateThreads"/> says how many there are.</summary>
    public uint Threads { get; init; } = 1;

    /// <summary>Where pages are to come from: as the mapping is bound.</summary>
    public MemoryPolicy Policy { get; init; }

    /// <summary>NUMA nodes of <see cref="Policy"/>.</summary>
    public IReadOnlyList<uint> Nodes { get; init; } = [];

    /// <summary>CPUs that the threads may use; null: those of the daemon.</summary>
    public IReadOnlyList<int>? Cpus { get; init; }

    /// <summary>All of a mapping, as it was made.</summary>
    public static PopulateRequest All(MappedMemory memory, uint threads) => new()
    {
        Memory = memory,
        File = memory.Options.File,
        FileOffset = memory.Options.Offset,
        Shared = memory.Options.Shared,
        ReadOnly = memory.Options.ReadOnly,
        Length = memory.Size,
        Threads = threads,
        Policy = memory.Options.Policy,
        Nodes = memory.Options.Nodes,
    };
}
