using System.Text.RegularExpressions;

namespace Hostmemd.QmpShell.Help;

/// <summary>What the reference manual says, which lies in the program: the schema has types, and no words about them.</summary>
internal sealed partial class Manual
{
    private const string Resource = "qmp-reference.md";
    private const string Heading = "### ";

    private readonly Dictionary<string, string[]> _sections = new(StringComparer.Ordinal);

    public Manual()
    {
        using Stream stream = typeof(Manual).Assembly.GetManifestResourceStream(Resource)!;
        using var reader = new StreamReader(stream);
        foreach (string section in reader.ReadToEnd().Split("\n" + Heading).Skip(1))
        {
            string[] lines = section.Split('\n');
            _sections.TryAdd(lines[0].Trim(), lines[1..]);
        }
    }

    /// <summary>What a command does; empty for one that the manual does not know.</summary>
    public string Purpose(string command) =>
        _sections.TryGetValue(command, out string[]? lines) ? lines.FirstOrDefault(line => line.Length > 0) ?? "" : "";

    /// <summary>What the members mean, by name: a command's own, and those that stand beside them for a value of its discriminator.</summary>
    public Dictionary<string, string> Members(string section)
    {
        var members = new Dictionary<string, string>(StringComparer.Ordinal);
        Add(section, members, depth: 0);
        return members;
    }

    private void Add(string section, Dictionary<string, string> members, int depth)
    {
        if (depth > 3 || !_sections.TryGetValue(section, out string[]? lines))
            return;
        foreach (string line in lines)
        {
            if (Row().Match(line) is { Success: true } row)
                members.TryAdd(row.Groups["name"].Value, row.Groups["doc"].Value);
            else if (Branch().Match(line) is { Success: true } branch)
                Add(branch.Groups["type"].Value, members, depth + 1);
        }
    }

    [GeneratedRegex(@"^\| `(?<name>[^`]+)`[^|]*\|[^|]*\|[^|]*\|[^|]*\| (?<doc>.*) \|$", RegexOptions.ExplicitCapture)]
    private static partial Regex Row();

    [GeneratedRegex(@"^\| with \S+ `[^`]+` \| \[(?<type>[^\]]+)\]", RegexOptions.ExplicitCapture)]
    private static partial Regex Branch();
}
