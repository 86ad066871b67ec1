using Hostmemd.Api;

namespace Hostmemd.Usage;

/// <summary>Who has a file.</summary>
internal sealed class FileHolders
{
    public List<MemoryHolder> Holders { get; } = [];

    /// <summary>st_blocks as a holder's descriptor shows it: units of 512 bytes; 0 for a guest_memfd.</summary>
    public ulong Blocks { get; set; }
}
