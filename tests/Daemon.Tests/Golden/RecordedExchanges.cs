using System.Text;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Daemon.Tests.Golden;

/// <summary>
/// Examples and errors of commands, taken from the transcripts that other tests play: those of docs/examples, and those that were recorded
/// from QEMU 11.1.3. So the manual shows nothing that did not happen.
/// </summary>
internal sealed class RecordedExchanges
{
    /// <summary>A longer one is shown where there is no other, so much of it.</summary>
    private const int MaxExample = 500;
    private const int MaxLongExample = 1500;
    private const int MaxErrors = 6;
    private const string Send = "-> ";
    private const string SendWithDescriptor = "=fd> ";

    /// <summary>Commands that no transcript can show, and why.</summary>
    public static readonly IReadOnlyDictionary<string, string> NotRecorded = new Dictionary<string, string>
    {
        ["memory-lend"] = "a borrower must listen on a socket, which a transcript cannot; [lending](lending.md) shows it, and tests lend to QEMU",
    };

    private readonly Dictionary<string, (string Request, string Answer)> _examples = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Request, string Answer)> _longExamples = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<string>> _errors = new(StringComparer.Ordinal);

    public RecordedExchanges(string root)
    {
        var transcripts = Path.Combine(root, "tests/Conformance/transcripts");
        var notYet = File.ReadLines(Path.Combine(root, "tests/Conformance/not-yet.txt")).Select(line => line.Split(' ', ':')[0]).ToHashSet();
        foreach (var file in Files(Path.Combine(root, "docs/examples")).Concat(Files(transcripts).Where(file => !notYet.Contains(Path.GetRelativePath(transcripts, file)))))
            Read(File.ReadAllLines(file));
    }

    /// <summary>What the manual says of a command; empty where nothing was recorded.</summary>
    public string Of(string command)
    {
        var text = new StringBuilder();
        if (_examples.TryGetValue(command, out var example) || _longExamples.TryGetValue(command, out example))
            text.Append($"\nExample:\n\n    -> {example.Request}\n    <- {example.Answer}\n");
        else if (NotRecorded.TryGetValue(command, out var reason))
            text.Append($"\nNo example is recorded: {reason}.\n");
        if (_errors.TryGetValue(command, out var errors))
            text.Append("\nErrors, among others:\n\n").AppendJoin('\n', errors.Select(error => $"- {error}")).Append('\n');
        return text.ToString();
    }

    /// <summary>An example stands there.</summary>
    public bool Shows(string command) => _examples.ContainsKey(command) || _longExamples.ContainsKey(command);

    private static IEnumerable<string> Files(string folder) => Directory.EnumerateFiles(folder, "*.qmp", SearchOption.AllDirectories).Order(StringComparer.Ordinal);

    private void Read(string[] lines)
    {
        for (var at = 0; at < lines.Length; at++)
        {
            if (Sent(lines[at]) is not { } text || Parse(text) is not { } request || (request["execute"] as JsonString)?.Value is not { } command)
                continue;
            var mark = lines[at].StartsWith(SendWithDescriptor, StringComparison.Ordinal) ? "  (with a descriptor)" : "";
            var answer = lines.Skip(at + 1).TakeWhile(line => Sent(line) is null)
                .Where(line => line.StartsWith("<- {", StringComparison.Ordinal))
                .Select(line => Parse(line[3..]))
                .FirstOrDefault(message => message is not null && !message.Contains("event"));
            if (answer?["error"] is JsonObject error)
                Add(command, error);
            else if (answer is not null)
                Add(command, request + mark, answer.ToString());
        }
    }

    /// <summary>The first one is shown; one with values before one that leaves some open, and one with arguments before one without.</summary>
    private void Add(string command, string asked, string answered)
    {
        if (asked.Length + answered.Length > MaxExample)
        {
            if (asked.Length + answered.Length <= MaxLongExample)
                _longExamples.TryAdd(command, (asked, answered));
            return;
        }
        if (!_examples.TryGetValue(command, out var known)
            || (known.Answer.Contains('$') && !answered.Contains('$'))
            || (!known.Request.Contains("\"arguments\"") && asked.Contains("\"arguments\"") && !answered.Contains('$')))
            _examples[command] = (asked, answered);
    }

    private void Add(string command, JsonObject error)
    {
        var text = $"`{(error["class"] as JsonString)?.Value}`: {(error["desc"] as JsonString)?.Value}";
        if (!_errors.TryGetValue(command, out var known))
            _errors[command] = known = [];
        if (known.Count < MaxErrors && !known.Contains(text) && !text.Contains('$') && !text.Contains("@DIR@"))
            known.Add(text);
    }

    /// <summary>What a line sends; null for one that sends nothing, or bytes that are no request of their own.</summary>
    private static string? Sent(string line) => line.StartsWith(Send, StringComparison.Ordinal) ? line[Send.Length..]
        : line.StartsWith(SendWithDescriptor, StringComparison.Ordinal) && line.EndsWith("\\n", StringComparison.Ordinal) ? line[SendWithDescriptor.Length..^2]
        : null;

    private static JsonObject? Parse(string text)
    {
        try
        {
            return JsonText.Parse(text) as JsonObject;
        }
        catch (FormatException)
        {
            // A transcript may well send what is no JSON.
            return null;
        }
    }
}
