namespace Hostmemd.Conformance;

/// <summary>The transcripts that must fail because the daemon does not answer them yet: <c>not-yet.txt</c>.</summary>
internal static class NotYetList
{
    /// <summary>Reasons by path.</summary>
    public static IReadOnlyDictionary<string, string> Load() =>
        File.ReadLines(Path.Combine(AppContext.BaseDirectory, "not-yet.txt"))
            .Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line.Split(": ", 2))
            .ToDictionary(
                parts => parts[0],
                parts => parts is [_, var reason] ? reason : throw new FormatException($"not-yet.txt gives no reason for {parts[0]}"));
}
