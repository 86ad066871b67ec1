using Hostmemd.Protocol.Wire;

namespace Hostmemd.QmpShell.Language;

/// <summary>What <c>[id=ID] [oob] command key=value … [@FILE] [&gt;FILE]</c> asks for.</summary>
internal sealed record LineCommand
{
    public required string Name { get; init; }

    public required LineValue.Members Arguments { get; init; }

    /// <summary>A word without key, for the one argument that the command must have.</summary>
    public LineValue? Sole { get; init; }

    /// <summary>The id to send; null when the user gave none.</summary>
    public LineValue? Id { get; init; }

    public bool OutOfBand { get; init; }

    /// <summary>Files whose descriptors go along.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>The file that the memory goes to which the answer brings.</summary>
    public string? Output { get; init; }

    /// <exception cref="FormatException">The line asks for nothing that can be sent.</exception>
    public static LineCommand Parse(string line) => Parse(LineScanner.Scan(line));

    /// <exception cref="FormatException">The words ask for nothing that can be sent.</exception>
    public static LineCommand Parse(IReadOnlyList<LineWord> words)
    {
        int at = 0;
        LineValue? id = null;
        if (words.Count > 0 && words[0].Key == "id")
            id = words[at++].Value;
        bool outOfBand = words.Count > at + 1 && words[at].Plain == "oob";
        at += outOfBand ? 1 : 0;
        if (words.Count == at || words[at] is not { Key: null, Value: LineValue.Text { Value: var name } })
            throw new FormatException("expected a command");

        var arguments = new ArgumentTree();
        var files = new List<string>();
        LineValue? sole = null;
        string? output = null;
        while (++at < words.Count)
        {
            switch (words[at])
            {
                case { Key: { } key, Value: var value } when key[0] is not '>':
                    arguments.Add(key, value);
                    break;
                case { Plain: ['@', _, ..] file }:
                    files.Add(file[1..]);
                    break;
                case { Plain: ">" } when output is null && at + 1 < words.Count && words[at + 1] is { Key: null, Value: LineValue.Text { Value: var path } }:
                    output = path;
                    at++;
                    break;
                case { Plain: ['>', _, ..] path } when output is null:
                    output = path[1..];
                    break;
                case { Key: null, Value: var value } when sole is null:
                    sole = value;
                    break;
                default:
                    throw new FormatException($"expected key=value, got {Show(words[at])}");
            }
        }

        return new LineCommand
        {
            Name = name,
            Arguments = arguments.Build(),
            Sole = sole,
            Id = id,
            OutOfBand = outOfBand,
            Files = files,
            Output = output,
        };
    }

    /// <summary>The id as it goes out.</summary>
    public JsonValue? IdOnWire => Id is null ? null : TypedValue.Make(Id, type: null, schema: null);

    internal static string Show(LineWord word) =>
        (word.Key is null ? "" : word.Key + "=") + (word.Value is LineValue.Text text ? text.Value : "a value in brackets");
}
