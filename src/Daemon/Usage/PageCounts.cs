namespace Hostmemd.Usage;

/// <summary>What the page tables hold of one mapping, in bytes. Pages of zeros that only reads made do not count.</summary>
internal sealed class PageCounts
{
    public ulong Mapped { get; set; }

    /// <summary>Of <see cref="Mapped"/>: pages of no file.</summary>
    public ulong Anonymous { get; set; }

    /// <summary>Pages of no file that are in swap.</summary>
    public ulong Swapped { get; set; }

    /// <summary>Of <see cref="Mapped"/>: in huge pages.</summary>
    public ulong Huge { get; set; }

    public SortedDictionary<uint, ulong> Nodes { get; } = [];
}
