using Hostmemd.Startup;

namespace Hostmemd.Daemon.Tests.Golden;

/// <summary>
/// The version that had a name of the interface first, from the list that is kept in the tree. What is not in it is new, and belongs to the
/// version that is being made.
/// </summary>
internal sealed class FirstVersions(string root)
{
    public const string File = "tests/Daemon.Tests/Golden/since.txt";

    private readonly Dictionary<string, string> _known = Read(root);
    private readonly SortedDictionary<string, string> _used = new(StringComparer.Ordinal);

    /// <summary>Without a suffix, as the changelog has it.</summary>
    public static string Current { get; } = typeof(OptionParser).Assembly.GetName().Version!.ToString(3);

    /// <param name="name">Of a command, event or type, or OWNER.MEMBER.</param>
    public string Of(string name) => _used[name] = _known.GetValueOrDefault(name, Current);

    /// <summary>The list as it should be: a line for each name that was asked for.</summary>
    public override string ToString() => string.Concat(_used.Select(entry => $"{entry.Value} {entry.Key}\n"));

    public static Dictionary<string, string> Read(string root) => Path.Combine(root, File) is var path && System.IO.File.Exists(path)
        ? System.IO.File.ReadLines(path).Select(line => line.Split(' ')).ToDictionary(words => words[1], words => words[0], StringComparer.Ordinal)
        : [];
}
