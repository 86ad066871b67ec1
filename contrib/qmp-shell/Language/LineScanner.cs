using System.Text;

namespace Hostmemd.QmpShell.Language;

/// <summary>Cuts a line into words. Blanks separate them, except within quotes and brackets.</summary>
internal static class LineScanner
{
    /// <exception cref="FormatException">A quote or bracket is not closed, or holds no value.</exception>
    public static List<LineWord> Scan(string line)
    {
        var words = new List<LineWord>();
        int at = 0;
        while (true)
        {
            while (at < line.Length && char.IsWhiteSpace(line[at]))
                at++;
            if (at == line.Length)
                return words;
            words.Add(Word(line, ref at));
        }
    }

    private static LineWord Word(string line, ref int at)
    {
        int start = at;
        while (at < line.Length && IsPlain(line[at]) && line[at] != '=')
            at++;
        if (at == start || at == line.Length || line[at] != '=')
        {
            at = start;
            return new LineWord(null, Text(line, ref at));
        }

        string key = line[start..at++];
        if (at == line.Length || line[at] is not ('{' or '['))
            return new LineWord(key, Text(line, ref at));
        LineValue value = BracketReader.Read(line, ref at);
        return at == line.Length || char.IsWhiteSpace(line[at])
            ? new LineWord(key, value)
            : throw new FormatException($"expected a blank behind the value of {key}, got {line[at..]}");
    }

    private static LineValue.Text Text(string line, ref int at)
    {
        var text = new StringBuilder();
        TextForm form = TextForm.Plain;
        while (at < line.Length && !char.IsWhiteSpace(line[at]))
        {
            switch (line[at])
            {
                case '"' or '\'':
                    form = TextForm.Quoted;
                    Quotes.Read(line, ref at, text);
                    break;
                case '\\' when at + 1 < line.Length && !IsPlain(line[at + 1]):
                    text.Append(line[at + 1]);
                    at += 2;
                    break;
                case '{' or '[' when ClosingBracket(line, at) is var end and > 0:
                    // JSON inside a word, as in file=json:{"driver": "null-co"}, is the word's as it stands.
                    text.Append(line, at, end - at);
                    at = end;
                    break;
                default:
                    text.Append(line[at++]);
                    break;
            }
        }

        return new LineValue.Text(text.ToString(), form);
    }

    /// <summary>Where the bracket's match ends; 0 when it has none.</summary>
    private static int ClosingBracket(string line, int at)
    {
        int depth = 0;
        bool quoted = false;
        for (int i = at; i < line.Length; i++)
        {
            if (line[i] == '"' && (i == 0 || line[i - 1] != '\\'))
                quoted = !quoted;
            if (quoted)
                continue;
            depth += line[i] is '{' or '[' ? 1 : line[i] is '}' or ']' ? -1 : 0;
            if (depth == 0)
                return i + 1;
        }

        return 0;
    }

    private static bool IsPlain(char c) => !char.IsWhiteSpace(c) && c is not ('"' or '\'' or '\\' or '{' or '[');
}
