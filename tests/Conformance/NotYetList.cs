namespace Hostmemd.Conformance;

/// <summary>The transcripts that must fail because the daemon does not answer them yet: <c>not-yet.txt</c>.</summary>
internal static class NotYetList
{
    private const string NotBuilt = "# Not built yet.";

    /// <summary>Reasons by path.</summary>
    public static IReadOnlyDictionary<string, string> Load() => Parse(Lines());

    /// <summary>The paths of those that will stay in the list.</summary>
    public static IEnumerable<string> LoadOnPurpose() => Parse(Lines().TakeWhile(line => line != NotBuilt)).Keys;

    private static IEnumerable<string> Lines() => File.ReadLines(Path.Combine(AppContext.BaseDirectory, "not-yet.txt"));

    private static Dictionary<string, string> Parse(IEnumerable<string> lines) =>
        lines
            .Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line.Split(": ", 2))
            .ToDictionary(
                parts => parts[0],
                parts => parts is [_, var reason] ? reason : throw new FormatException($"not-yet.txt gives no reason for {parts[0]}"));
}
