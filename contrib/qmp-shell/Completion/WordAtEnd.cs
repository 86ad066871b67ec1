using Hostmemd.QmpShell.Language;

namespace Hostmemd.QmpShell.Completion;

/// <summary>The word that a line ends with, perhaps empty, and the words before it.</summary>
internal sealed record WordAtEnd(int Start, string Text, IReadOnlyList<LineWord> Before)
{
    /// <returns>null where the line cannot be taken apart.</returns>
    public static WordAtEnd? Find(string line)
    {
        int start = 0;
        int depth = 0;
        char quote = '\0';
        for (int at = 0; at < line.Length; at++)
        {
            char c = line[at];
            if (quote != '\0' || c is '"' or '\'')
                quote = quote == '\0' ? c : c == quote ? '\0' : quote;
            else if (char.IsWhiteSpace(c) && depth == 0)
                start = at + 1;
            else
                depth += c is '{' or '[' ? 1 : c is '}' or ']' ? -1 : 0;
        }

        try
        {
            return new WordAtEnd(start, line[start..], LineScanner.Scan(line[..start]));
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
