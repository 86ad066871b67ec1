using System.Globalization;

namespace Hostmemd.Kvm;

/// <summary>The host's pool of huge pages of one size: counts of pages at one moment, null where the kernel does not tell.</summary>
/// <param name="Total">Pages in the pool, surplus ones included: nr_hugepages.</param>
/// <param name="Free">Not allocated; reserved ones are among them.</param>
/// <param name="Reserved">Promised to mappings and not allocated yet.</param>
/// <param name="Surplus">Beyond the pool's own size, given back when free.</param>
/// <param name="Overcommit">How many may be surplus.</param>
/// <param name="Nodes">The same on each node that has a pool, by number.</param>
/// <remarks>Source: Documentation/admin-guide/mm/hugetlbpage.rst.</remarks>
public sealed record HugePagePool(
    ulong PageSize, ulong? Total, ulong? Free, ulong? Reserved, ulong? Surplus, ulong? Overcommit, IReadOnlyList<HugePageNode> Nodes)
{
    private const string NodesPath = "/sys/devices/system/node";

    /// <summary>Reads the counts as they are now, one file each: they may be of moments a little apart.</summary>
    /// <param name="pageSize">Bytes.</param>
    public static HugePagePool Read(HostFiles host, ulong pageSize)
    {
        ArgumentNullException.ThrowIfNull(host);
        var pool = string.Create(CultureInfo.InvariantCulture, $"hugepages-{pageSize >> 10}kB");
        var path = $"/sys/kernel/mm/hugepages/{pool}/";
        return new HugePagePool(
            pageSize,
            host.TryReadNumber(path + "nr_hugepages"),
            host.TryReadNumber(path + "free_hugepages"),
            host.TryReadNumber(path + "resv_hugepages"),
            host.TryReadNumber(path + "surplus_hugepages"),
            host.TryReadNumber(path + "nr_overcommit_hugepages"),
            [.. ReadNodes(host, pool).OrderBy(node => node.Node)]);
    }

    /// <summary>Pages that a mapping can still get: free and promised to nobody, and what may be added as surplus.</summary>
    /// <param name="nodes">The nodes that all of them must be on; none: any.</param>
    /// <returns>null: the kernel does not tell.</returns>
    public ulong? Available(IReadOnlyCollection<uint> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        if (Free is not { } free || Reserved is not { } reserved)
            return null;
        var surplus = Less(Overcommit ?? 0, Surplus ?? 0);
        var available = Sum(Less(free, reserved), surplus);
        // What is reserved is so in the whole pool and not on a node: a node may have less than it says, and never more.
        return nodes.Count != 0 && FreeOn(nodes) is { } there ? Math.Min(available, Sum(there, surplus)) : available;
    }

    /// <summary>Free pages on some nodes, reserved ones among them.</summary>
    /// <returns>null: nothing is known of one of them.</returns>
    public ulong? FreeOn(IReadOnlyCollection<uint> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        ulong sum = 0;
        foreach (var number in nodes.Distinct())
        {
            if (Nodes.FirstOrDefault(node => node.Node == number)?.Free is not { } free)
                return null;
            sum = Sum(sum, free);
        }

        return sum;
    }

    private static IEnumerable<HugePageNode> ReadNodes(HostFiles host, string pool)
    {
        foreach (var name in host.List(NodesPath))
        {
            if (!name.StartsWith("node", StringComparison.Ordinal)
                || !uint.TryParse(name.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                continue;
            var path = $"{NodesPath}/{name}/hugepages/{pool}/";
            if (host.TryReadNumber(path + "nr_hugepages") is { } total)
                yield return new HugePageNode(number, total, host.TryReadNumber(path + "free_hugepages"), host.TryReadNumber(path + "surplus_hugepages"));
        }
    }

    private static ulong Less(ulong from, ulong what) => from > what ? from - what : 0;

    private static ulong Sum(ulong one, ulong other) => one > ulong.MaxValue - other ? ulong.MaxValue : one + other;
}
