using System.Globalization;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects.Allocation;

/// <summary>What a client is told when huge pages cannot be had. All ours: QEMU gives the kernel's words alone.</summary>
internal static class HugePageText
{
    /// <summary>A refusal, then what there is and what is wanted, so that the operator sees what to raise.</summary>
    public static QmpException WithFigures(QmpException refusal, HugePageNeed need, HugePagePool pool, CgroupLimit? limit) =>
        new(refusal.ErrorClass, $"{refusal.Message}; {Figures(need, pool, limit)}");

    public static QmpException NotThere(HugePageNeed need, HugePagePool pool, CgroupLimit? limit) =>
        new($"too few huge pages for 'reserve=off', which reserves none; {Figures(need, pool, limit)}");

    public static QmpException ReserveFailed(string error) => new($"cannot reserve huge pages for guest RAM: {error}");

    /// <summary>Pages, but for the page size and the limit, which are in bytes.</summary>
    /// <param name="limit">The tightest there is; named only where it is in the way.</param>
    public static string Figures(HugePageNeed need, HugePagePool pool, CgroupLimit? limit)
    {
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"page size {need.PageSize}, wanted {need.Pages}, free {Count(pool.Free)}, reserved {Count(pool.Reserved)}, surplus {Count(pool.Surplus)}");
        if (pool.Overcommit is > 0 and { } most)
            text += string.Create(CultureInfo.InvariantCulture, $" of {most}");
        if (need.Nodes.Count > 0)
            text += $", node {string.Join('+', need.Nodes.Distinct())} free {Count(pool.FreeOn(need.Nodes))}";
        return limit is not null && need.Exceeds(limit.Left)
            ? text + string.Create(CultureInfo.InvariantCulture, $", limit {limit.File} {limit.Limit} with {Count(limit.InUse)} in use")
            : text;
    }

    private static string Count(ulong? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "unknown";
}
