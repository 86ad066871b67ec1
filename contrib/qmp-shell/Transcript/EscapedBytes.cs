using System.Globalization;
using System.Text;

namespace Hostmemd.QmpShell.Transcript;

/// <summary>The C-escaped text of <c>=&gt;</c> and <c>&lt;=</c> lines.</summary>
internal static class EscapedBytes
{
    private const string RepeatKeyword = "@repeat ";

    /// <summary>The bytes of a send: escaped text, or <c>@repeat N "escaped text"</c>.</summary>
    /// <exception cref="FormatException">An escape or the count cannot be read.</exception>
    public static byte[] ParseSend(string text)
    {
        if (!text.StartsWith(RepeatKeyword, StringComparison.Ordinal))
            return Parse(text);

        string[] parts = text[RepeatKeyword.Length..].Split(' ', 2);
        if (parts is not [var times, ['"', .. var unit, '"']]
            || !int.TryParse(times, NumberStyles.None, CultureInfo.InvariantCulture, out int count))
            throw new FormatException("expected @repeat N \"text\"");

        byte[] once = Parse(unit);
        byte[] all = new byte[checked(once.Length * count)];
        for (int offset = 0; offset < all.Length; offset += once.Length)
            once.CopyTo(all, offset);
        return all;
    }

    /// <exception cref="FormatException">An escape cannot be read.</exception>
    public static byte[] Parse(string text)
    {
        byte[] source = Encoding.UTF8.GetBytes(text);
        var bytes = new List<byte>(source.Length);
        for (int i = 0; i < source.Length; i++)
        {
            if (source[i] != '\\')
            {
                bytes.Add(source[i]);
                continue;
            }

            char escape = ++i < source.Length ? (char)source[i] : ' ';
            bytes.Add(escape switch
            {
                'n' => (byte)'\n',
                'r' => (byte)'\r',
                't' => (byte)'\t',
                '0' => 0,
                '\\' or '"' => (byte)escape,
                'x' => ParseHex(source, ref i),
                _ => throw new FormatException($"bad escape \\{escape}"),
            });
        }

        return [.. bytes];
    }

    public static string Format(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        foreach (byte b in bytes)
        {
            _ = b switch
            {
                (byte)'\n' => text.Append("\\n"),
                (byte)'\r' => text.Append("\\r"),
                (byte)'\t' => text.Append("\\t"),
                (byte)'\\' => text.Append("\\\\"),
                >= 0x20 and < 0x7f => text.Append((char)b),
                _ => text.Append(CultureInfo.InvariantCulture, $"\\x{b:x2}"),
            };
        }

        return text.ToString();
    }

    private static byte ParseHex(ReadOnlySpan<byte> source, ref int position)
    {
        ReadOnlySpan<byte> digits = source[(position + 1)..];
        if (digits.Length < 2
            || !byte.TryParse(digits[..2], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
            throw new FormatException("bad escape \\x");
        position += 2;
        return value;
    }
}
