using System.Globalization;

namespace Hostmemd.Daemon.Tests.Support;

/// <summary>What a process holds, as /proc tells it.</summary>
internal static class ProcessResources
{
    /// <summary>What each open descriptor is, sorted; of this process without an id.</summary>
    public static IReadOnlyList<string> Descriptors(int? pid = null)
    {
        var targets = new List<string>();
        foreach (var path in Directory.GetFileSystemEntries($"/proc/{Name(pid)}/fd"))
            if (new FileInfo(path).LinkTarget is { } target && !target.StartsWith($"/proc/{Environment.ProcessId}/", StringComparison.Ordinal))
                targets.Add(target);
        targets.Sort(StringComparer.Ordinal);
        return targets;
    }

    /// <summary>Descriptors whose target holds a word, as "kvm" or "memfd:".</summary>
    public static int Count(string word, int? pid = null) => Descriptors(pid).Count(target => target.Contains(word, StringComparison.Ordinal));

    /// <summary>Lines of /proc/PID/maps that hold a word; all without one.</summary>
    public static int Mappings(string word = "", int? pid = null) =>
        File.ReadLines($"/proc/{Name(pid)}/maps").Count(line => line.Contains(word, StringComparison.Ordinal));

    /// <summary>All mappings but those of the runtime's compiler and of assemblies: guest memory, its guard pages, and what holds them.</summary>
    public static int MappingsOfMemory(int pid) => File.ReadLines($"/proc/{pid}/maps").Count(line =>
        !line.Contains("doublemapper", StringComparison.Ordinal) && !line.EndsWith(".dll", StringComparison.Ordinal)
        && !line.EndsWith(".so", StringComparison.Ordinal));

    /// <summary>Resident bytes.</summary>
    public static long Resident(int pid) => 1024 * long.Parse(
        File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal))[6..^3],
        NumberStyles.AllowLeadingWhite,
        CultureInfo.InvariantCulture);

    private static string Name(int? pid) => pid?.ToString(CultureInfo.InvariantCulture) ?? "self";
}
