using System.Text;

namespace Hostmemd.QmpShell.Language;

/// <summary>
/// Reads values in brackets: JSON, what Python writes for it (<c>'a'</c>, True, None, a comma before the closing bracket), and words without
/// quotes, as in <c>[on, 1G]</c>.
/// </summary>
internal static class BracketReader
{
    /// <summary>As deep as QMP allows.</summary>
    private const int MaxDepth = 1024;

    /// <param name="at">At the opening bracket; behind the closing one afterwards.</param>
    /// <exception cref="FormatException">The brackets hold no such value; the message says where.</exception>
    public static LineValue Read(string line, ref int at) => Value(line, ref at, 0);

    private static LineValue Value(string line, ref int at, int depth)
    {
        if (depth > MaxDepth)
            throw new FormatException("brackets are nested too deep");
        return Peek(line, ref at) switch
        {
            '{' => Members(line, ref at, depth),
            '[' => List(line, ref at, depth),
            '"' or '\'' => new LineValue.Text(Quoted(line, ref at), TextForm.Literal),
            _ => new LineValue.Text(Word(line, ref at, ",]}"), TextForm.Bare),
        };
    }

    private static LineValue.List List(string line, ref int at, int depth)
    {
        var items = new List<LineValue>();
        at++;
        while (Peek(line, ref at) != ']')
        {
            items.Add(Value(line, ref at, depth + 1));
            Separator(line, ref at, ']');
        }

        at++;
        return new LineValue.List(items);
    }

    private static LineValue.Members Members(string line, ref int at, int depth)
    {
        var members = new List<KeyValuePair<string, LineValue>>();
        at++;
        while (Peek(line, ref at) is var c && c != '}')
        {
            string key = c is '"' or '\'' ? Quoted(line, ref at) : Word(line, ref at, ":,]}");
            if (Peek(line, ref at) != ':')
                throw Unexpected(line, at, $"':' behind {key}");
            at++;
            if (members.Exists(member => member.Key == key))
                throw new FormatException($"{key} is given twice");
            members.Add(new(key, Value(line, ref at, depth + 1)));
            Separator(line, ref at, '}');
        }

        at++;
        return new LineValue.Members(members);
    }

    private static void Separator(string line, ref int at, char close)
    {
        char c = Peek(line, ref at);
        if (c == ',')
            at++;
        else if (c != close)
            throw Unexpected(line, at, $"',' or '{close}'");
    }

    private static string Quoted(string line, ref int at)
    {
        var text = new StringBuilder();
        Quotes.Read(line, ref at, text);
        return text.ToString();
    }

    private static string Word(string line, ref int at, string ends)
    {
        int start = at;
        while (at < line.Length && !char.IsWhiteSpace(line[at]) && !ends.Contains(line[at], StringComparison.Ordinal))
            at++;
        return at > start ? line[start..at] : throw Unexpected(line, at, "a value");
    }

    /// <summary>The next character that is no blank.</summary>
    private static char Peek(string line, ref int at)
    {
        while (at < line.Length && char.IsWhiteSpace(line[at]))
            at++;
        return at < line.Length ? line[at] : throw new FormatException("a bracket is not closed");
    }

    private static FormatException Unexpected(string line, int at, string wanted) =>
        new($"expected {wanted}, got {line[at..Math.Min(line.Length, at + 20)]}");
}
