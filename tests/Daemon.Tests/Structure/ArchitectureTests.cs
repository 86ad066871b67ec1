using Xunit;

namespace Hostmemd.Daemon.Tests.Structure;

/// <summary>docs/architecture.md has the folders that there are.</summary>
public sealed class ArchitectureTests
{
    private static readonly string Root = FindRoot();
    private static readonly string[] Lines = File.ReadAllLines(Path.Combine(Root, "docs", "architecture.md"));

    [Fact]
    public void The_table_has_every_folder_with_code_and_no_other()
    {
        var told = Lines.Where(line => line.StartsWith("| `src/", StringComparison.Ordinal)).Select(line => line.Split('`')[1]);

        Assert.Equal(Folders().Where(folder => folder != "src/Daemon").Order(StringComparer.Ordinal), told.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_picture_has_every_folder_of_the_daemon()
    {
        var picture = string.Join('\n', Lines.TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal)));

        Assert.All(
            Folders().Select(folder => folder.Split('/')).Where(parts => parts is ["src", "Daemon", _]),
            parts => Assert.Matches($@"\b{parts[2]}\b", picture));
    }

    private static IEnumerable<string> Folders() => Directory.EnumerateFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(Root, Path.GetDirectoryName(file)!))
        .Where(folder => !folder.Contains("/obj", StringComparison.Ordinal) && !folder.Contains("/bin", StringComparison.Ordinal))
        .Distinct();

    private static string FindRoot()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at.FullName, "Daemon.sln")))
            at = at.Parent ?? throw new InvalidOperationException("not in a checkout");
        return at.FullName;
    }
}
