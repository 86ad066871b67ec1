using System.Globalization;

namespace Hostmemd.Daemon.Tests.Load;

/// <summary>A memory control group of its own below that of this process, in version 1 or 2. Needs root, or a group that was delegated.</summary>
internal sealed class MemoryCgroup : IDisposable
{
    private readonly bool _isV2;

    private MemoryCgroup(string directory, bool isV2) => (Directory, _isV2) = (directory, isV2);

    /// <summary>Why none can be made here; null: it can.</summary>
    public static string? Obstacle { get; } = FindObstacle();

    public string Directory { get; }

    /// <summary>The shell command that runs the rest of its command line inside the group, from its first page on.</summary>
    public string[] Launcher => ["/bin/sh", "-c", $"echo $$ > {Directory}/cgroup.procs && exec \"$0\" \"$@\"", .. Outside];

    /// <summary>
    /// The same outside it. The program that ships has that size of the collector's first generation compiled in; the one built for tests
    /// reads it.
    /// </summary>
    public static string[] Outside => ["/usr/bin/env", "DOTNET_GCgen0size=100000"];

    public long Used => long.Parse(File.ReadAllText(Name("memory.current", "memory.usage_in_bytes")), CultureInfo.InvariantCulture);

    public static MemoryCgroup Create(long limit)
    {
        var parent = Cgroup.Find(HostFiles.ThisHost, "memory") ?? throw new IOException("no memory control group is mounted");
        var directory = $"{parent.Directories[0]}/hostmemd-test-{Environment.ProcessId}";
        // Version 2 hands the controller down only where it is told to; refused while the parent has processes, unless it is the root.
        if (parent.IsV2 && !File.ReadAllText(parent.Directories[0] + "/cgroup.subtree_control").Contains("memory", StringComparison.Ordinal))
            File.WriteAllText(parent.Directories[0] + "/cgroup.subtree_control", "+memory");
        System.IO.Directory.CreateDirectory(directory);
        var group = new MemoryCgroup(directory, parent.IsV2);
        try
        {
            File.WriteAllText(group.Name("memory.max", "memory.limit_in_bytes"), limit.ToString(CultureInfo.InvariantCulture));
            return group;
        }
        catch
        {
            group.Dispose();
            throw;
        }
    }

    /// <summary>Its processes must have ended.</summary>
    public void Dispose() => System.IO.Directory.Delete(Directory);

    private string Name(string v2, string v1) => $"{Directory}/{(_isV2 ? v2 : v1)}";

    private static string? FindObstacle()
    {
        try
        {
            Create(64 << 20).Dispose();
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"no memory control group can be made: {e.Message}";
        }
    }
}
