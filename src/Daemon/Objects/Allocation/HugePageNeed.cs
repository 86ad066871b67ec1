namespace Hostmemd.Objects.Allocation;

/// <summary>The huge pages that one backend wants.</summary>
/// <param name="PageSize">Bytes.</param>
/// <param name="Pages">How many.</param>
/// <param name="Nodes">The NUMA nodes that all of them must be on; none: any.</param>
internal sealed record HugePageNeed(ulong PageSize, ulong Pages, IReadOnlyList<uint> Nodes)
{
    /// <summary>The pages for a size; the last one may be used in part.</summary>
    public static HugePageNeed For(ulong pageSize, ulong size, IReadOnlyList<uint> nodes) =>
        new(pageSize, (size / pageSize) + (size % pageSize == 0 ? 0UL : 1UL), nodes);

    /// <summary>Whether that many more do not fit into what is left, bytes.</summary>
    public bool Exceeds(ulong left) => Pages > left / PageSize;
}
