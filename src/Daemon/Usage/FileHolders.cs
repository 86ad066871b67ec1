using Hostmemd.Api;

namespace Hostmemd.Usage;

/// <summary>Who has a file.</summary>
internal sealed class FileHolders
{
    public List<MemoryHolder> Holders { get; } = [];

    /// <summary>Which bytes of the file a process has mapped.</summary>
    public List<(int Pid, ulong From, ulong To)> Mapped { get; } = [];

    /// <summary>st_blocks as a holder's descriptor shows it: units of 512 bytes; 0 for a guest_memfd.</summary>
    public ulong Blocks { get; set; }
}
