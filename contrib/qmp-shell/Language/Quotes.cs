using System.Globalization;
using System.Text;

namespace Hostmemd.QmpShell.Language;

/// <summary>Reads what stands in quotes.</summary>
internal static class Quotes
{
    /// <summary>Appends the text between two quotes; the backslash means what it means in JSON.</summary>
    /// <param name="at">At the opening quote; behind the closing one afterwards.</param>
    /// <exception cref="FormatException">There is no closing quote.</exception>
    public static void Read(string line, ref int at, StringBuilder text)
    {
        int start = at;
        char quote = line[at++];
        while (at < line.Length && line[at] != quote)
        {
            if (line[at] == '\\' && at + 1 < line.Length)
                Escape(line, ref at, text);
            else
                text.Append(line[at++]);
        }

        if (at == line.Length)
            throw new FormatException($"no closing {quote} to {line[start..]}");
        at++;
    }

    private static void Escape(string line, ref int at, StringBuilder text)
    {
        char c = line[at + 1];
        if (c == 'u' && at + 6 <= line.Length
            && ushort.TryParse(line.AsSpan(at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort unit))
        {
            text.Append((char)unit);
            at += 6;
            return;
        }

        _ = c switch
        {
            'n' => text.Append('\n'),
            't' => text.Append('\t'),
            'r' => text.Append('\r'),
            'b' => text.Append('\b'),
            'f' => text.Append('\f'),
            '"' or '\'' or '\\' or '/' => text.Append(c),
            _ => text.Append('\\').Append(c),
        };
        at += 2;
    }
}
