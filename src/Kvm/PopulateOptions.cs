namespace Hostmemd.Kvm;

/// <summary>How <see cref="MappedMemory.Populate(PopulateOptions, CancellationToken)"/> works through a range.</summary>
public sealed record PopulateOptions
{
    /// <summary>Start of the range in the mapping; bytes, page aligned.</summary>
    public ulong Offset { get; init; }

    /// <summary>Bytes, page aligned.</summary>
    public required ulong Length { get; init; }

    /// <summary>How many threads work on it; the caller is one of them, none is the pool's.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Bytes a call. The address space's lock is held that long: other threads' mmap waits.</summary>
    public ulong ChunkSize { get; init; } = MappedMemory.DefaultChunkSize;

    /// <summary>How long a thread leaves that lock alone after each chunk, for others to get it. Zero: not at all.</summary>
    public TimeSpan Pause { get; init; }

    /// <summary>How far it may go, and who stops it; null: all of it at once.</summary>
    public PopulateCredit? Credit { get; init; }

    /// <summary>MADV_POPULATE_READ: for memory that must not be written. What is not there yet shows as the file's bytes or zeroes.</summary>
    public bool Read { get; init; }

    /// <summary>Called first by each of the threads, as for its CPUs; a <see cref="KernelException"/> ends the whole.</summary>
    public Action? Prepare { get; init; }

    /// <summary>
    /// Bytes done in total, called by whichever thread finished a chunk, so a smaller number may come after a larger one; must not throw.
    /// </summary>
    public Action<ulong>? Progress { get; init; }
}
