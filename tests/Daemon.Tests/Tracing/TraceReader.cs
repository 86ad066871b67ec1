using System.Text.RegularExpressions;

namespace Hostmemd.Daemon.Tests.Tracing;

/// <summary>Reads what <c>strace -f -o</c> writes: calls in the order in which they began, those in two pieces put together.</summary>
internal static partial class TraceReader
{
    public static IReadOnlyList<TraceCall> Read(IEnumerable<string> lines)
    {
        // A place for each call when it begins; filled when it has ended. Calls that never end are left out.
        var calls = new List<TraceCall?>();
        var begun = new Dictionary<int, (int Place, string Text)>();
        foreach (var line in lines)
        {
            if (Line().Match(line) is not { Success: true } match)
                continue;
            var tid = int.Parse(match.Groups["tid"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);
            var text = match.Groups["text"].Value;
            if (Resumed().Match(text) is { Success: true } resumed)
            {
                if (begun.Remove(tid, out var first))
                    calls[first.Place] = Parse(tid, first.Text + text[resumed.Length..]);
            }
            else if (text.EndsWith(Unfinished, StringComparison.Ordinal))
            {
                begun[tid] = (calls.Count, text[..^Unfinished.Length]);
                calls.Add(null);
            }
            else
            {
                calls.Add(Parse(tid, text));
            }
        }
        return [.. calls.OfType<TraceCall>()];
    }

    private const string Unfinished = " <unfinished ...>";

    private static TraceCall? Parse(int tid, string text) => Call().Match(text) is { Success: true } call
        ? new TraceCall(
            tid,
            call.Groups["name"].Value,
            Split(call.Groups["arguments"].Value),
            call.Groups["result"].Value,
            text.EndsWith("(INJECTED)", StringComparison.Ordinal))
        : null;

    /// <summary>At commas that are in no string, parenthesis or brace.</summary>
    private static List<string> Split(string arguments)
    {
        var parts = new List<string>();
        var (depth, inString, from) = (0, false, 0);
        for (var at = 0; at < arguments.Length; at++)
        {
            var c = arguments[at];
            if (inString && c == '\\')
                at++;
            else if (c == '"')
                inString = !inString;
            else if (inString)
                continue;
            else if (c is '(' or '{' or '[')
                depth++;
            else if (c is ')' or '}' or ']')
                depth--;
            else if (c == ',' && depth == 0)
            {
                parts.Add(arguments[from..at].Trim());
                from = at + 1;
            }
        }
        parts.Add(arguments[from..].Trim());
        return parts;
    }

    [GeneratedRegex(@"^(?<tid>\d+) +(?<text>.*)$")]
    private static partial Regex Line();

    [GeneratedRegex(@"^<\.\.\. \w+ resumed>,? ?")]
    private static partial Regex Resumed();

    [GeneratedRegex(@"^(?<name>\w+)\((?<arguments>.*)\) += (?<result>\S+)")]
    private static partial Regex Call();
}
