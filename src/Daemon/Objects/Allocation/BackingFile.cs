using System.Runtime.InteropServices;
using Hostmemd.Usage;

namespace Hostmemd.Objects.Allocation;

/// <summary>The file behind a backend's memory, whichever kind it is of.</summary>
/// <param name="Handle">Owned by the backend.</param>
/// <param name="Offset">Where in the file the memory begins.</param>
/// <param name="IsShared">Writes go to the file: other processes that map it see them.</param>
internal sealed record BackingFile(SafeHandle Handle, ulong Offset, bool IsShared)
{
    private MemoryFile? _known;

    /// <summary>What the file is, kept once it was looked at where it cannot change. Any thread.</summary>
    public MemoryFile? Known
    {
        get => Volatile.Read(ref _known);
        set => Volatile.Write(ref _known, value);
    }
}
