using System.Globalization;

namespace Hostmemd.Kvm;

/// <summary>A limit that a control group sets this process.</summary>
/// <param name="File">Where it stands, for the operator.</param>
/// <param name="Limit">Bytes.</param>
/// <param name="InUse">Bytes taken of it by the whole group; null where that is not told.</param>
public sealed record CgroupLimit(string File, ulong Limit, ulong? InUse)
{
    /// <summary>What is left, bytes.</summary>
    public ulong Left => InUse is { } used && used < Limit ? Limit - used : InUse is null ? Limit : 0;

    /// <summary>The limit of huge pages with the least left, of the group itself and those around it.</summary>
    /// <param name="pageSize">Bytes.</param>
    /// <returns>null: nothing is limited.</returns>
    /// <remarks>Both what is reserved (at mmap) and what is allocated (at the fault) are charged. Source: cgroup-v1/hugetlb.rst.</remarks>
    public static CgroupLimit? TightestOfHugePages(HostFiles host, ulong pageSize)
    {
        if (Cgroup.Find(host, "hugetlb") is not { } group)
            return null;
        var name = $"hugetlb.{SizeName(pageSize)}.";
        CgroupLimit? tightest = null;
        foreach (var directory in group.Directories)
        {
            foreach (var kind in (ReadOnlySpan<string>)["rsvd.", ""])
            {
                var file = $"{directory}/{name}{kind}";
                var (limit, used) = group.IsV2 ? ("max", "current") : ("limit_in_bytes", "usage_in_bytes");
                // "max" is no number, and version 1 writes a number beyond any memory.
                if (host.TryReadNumber(file + limit) is not { } bytes || IsUnlimited(bytes))
                    continue;
                var found = new CgroupLimit(file + limit, bytes, host.TryReadNumber(file + used));
                if (tightest is null || found.Left < tightest.Left)
                    tightest = found;
            }
        }

        return tightest;
    }

    /// <summary>Version 1 writes "none" as the largest number of whole pages.</summary>
    internal static bool IsUnlimited(ulong bytes) => bytes >= long.MaxValue - (1UL << 30);

    /// <summary>A page size as the files' names have it: 2MB, 1GB, 64KB.</summary>
    private static string SizeName(ulong bytes) => bytes switch
    {
        >= 1 << 30 => Text(bytes >> 30) + "GB",
        >= 1 << 20 => Text(bytes >> 20) + "MB",
        _ => Text(bytes >> 10) + "KB",
    };

    private static string Text(ulong number) => number.ToString(CultureInfo.InvariantCulture);
}
