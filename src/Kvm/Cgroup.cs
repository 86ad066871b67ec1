namespace Hostmemd.Kvm;

/// <summary>The control group of this process for one controller, and those around it, as far as they are mounted here.</summary>
/// <param name="IsV2">Which files there are and what they are called.</param>
/// <param name="Options">Options of the mount, as memory_hugetlb_accounting.</param>
/// <param name="Directories">Where the files are: the group itself first, then its parents up to the root of the mount.</param>
/// <remarks>Source: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1; man 5 proc, mountinfo.</remarks>
public sealed record Cgroup(bool IsV2, IReadOnlyList<string> Options, IReadOnlyList<string> Directories)
{
    private const int MaxDepth = 64;

    /// <summary>Finds the group; version 1 where the controller is there, else version 2.</summary>
    /// <param name="controller">As "memory" or "hugetlb".</param>
    /// <returns>null: there is none, or it is not mounted here.</returns>
    public static Cgroup? Find(HostFiles host, string controller)
    {
        ArgumentNullException.ThrowIfNull(host);
        if (host.TryRead("/proc/self/cgroup") is not { } groups || host.TryRead("/proc/self/mountinfo") is not { } mounts)
            return null;
        var group = Lines(groups).Select(line => line.Split(':', 3)).Where(parts => parts.Length == 3).ToList();
        var v1 = group.Find(parts => parts[1].Split(',').Contains(controller));
        var own = v1 ?? group.Find(parts => parts[0] == "0" && parts[1].Length == 0);
        if (own is null)
            return null;
        foreach (var mount in Lines(mounts).Select(Mount.TryParse).OfType<Mount>())
        {
            var fits = v1 is null ? mount.Type == "cgroup2" : mount.Type == "cgroup" && mount.Options.Contains(controller);
            if (fits && Below(mount, own[2]) is { } directories)
                return new Cgroup(v1 is null, mount.Options, directories);
        }

        return null;
    }

    /// <summary>The directories of a group under a mount, the group's own first.</summary>
    private static List<string>? Below(Mount mount, string group)
    {
        var root = mount.Root.TrimEnd('/');
        if (!group.StartsWith(root, StringComparison.Ordinal))
            return null;
        var rest = group[root.Length..];
        if (rest.Length > 0 && rest[0] != '/')
            return null;
        string[] names = rest.Split('/', StringSplitOptions.RemoveEmptyEntries);
        // "/.." stands for a group outside what this process may see.
        if (names.Length > MaxDepth || names.Contains(".."))
            return null;
        var directories = new List<string> { mount.Point.TrimEnd('/') };
        foreach (var name in names)
            directories.Add($"{directories[^1]}/{name}");
        directories.Reverse();
        return directories;
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>One line of mountinfo.</summary>
    /// <param name="Root">What of the file system is mounted.</param>
    /// <param name="Point">Where.</param>
    /// <param name="Options">Those of the file system.</param>
    private sealed record Mount(string Root, string Point, string Type, string[] Options)
    {
        public static Mount? TryParse(string line)
        {
            // Between the sixth field and " - " there can be any number of optional ones.
            var ends = line.IndexOf(" - ", StringComparison.Ordinal);
            if (ends < 0)
                return null;
            var where = line[..ends].Split(' ');
            var what = line[(ends + 3)..].Split(' ');
            return where.Length < 6 || what.Length < 3 ? null : new Mount(Unescape(where[3]), Unescape(where[4]), what[0], what[2].Split(','));
        }

        private static string Unescape(string field) => field
            .Replace("\\040", " ", StringComparison.Ordinal)
            .Replace("\\011", "\t", StringComparison.Ordinal)
            .Replace("\\012", "\n", StringComparison.Ordinal)
            .Replace("\\134", "\\", StringComparison.Ordinal);
    }
}
