using System.Globalization;
using System.Numerics;
using System.Text;

namespace Hostmemd.Protocol.Wire;

/// <summary>
/// Turns a string token into text. Bytes must be UTF-8 without non-characters; C0 80 and \u0000 are U+0000, and \' is an escape
/// (seen in QEMU 11.1.3).
/// </summary>
internal static class JsonStringDecoder
{
    /// <param name="token">The token with its quotes.</param>
    /// <param name="error">Why it is no string, in QEMU's words; null where it is one.</param>
    public static string Decode(ReadOnlySpan<byte> token, out string? error)
    {
        error = null;
        var inside = token[1..^1];
        if (Ascii.IsValid(inside) && !inside.Contains((byte)'\\'))
            return Encoding.ASCII.GetString(inside);
        var text = new StringBuilder(inside.Length);
        var at = 1;
        while (at < token.Length - 1 && error is null)
            at += token[at] switch
            {
                (byte)'\\' when token[at + 1] == 'u' => DecodeUnicode(token[at..], text, out error),
                (byte)'\\' => DecodeSimple(token[at + 1], text, out error),
                _ => DecodeUtf8(token[at..^1], text, out error),
            };
        return error is null ? text.ToString() : "";
    }

    /// <summary>Bytes as an error text shows them: each bad sequence as one U+FFFD.</summary>
    public static string Printable(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        for (var at = 0; at < bytes.Length;)
        {
            at += ReadCodePoint(bytes[at..], out var codePoint);
            Append(text, codePoint < 0 ? 0xFFFD : codePoint);
        }
        return text.ToString();
    }

    private static int DecodeSimple(byte escaped, StringBuilder text, out string? error)
    {
        char? c = escaped switch
        {
            (byte)'"' or (byte)'\'' or (byte)'\\' or (byte)'/' => (char)escaped,
            (byte)'b' => '\b',
            (byte)'f' => '\f',
            (byte)'n' => '\n',
            (byte)'r' => '\r',
            (byte)'t' => '\t',
            _ => null,
        };
        error = c is null ? "invalid escape sequence in string" : null;
        text.Append(c);
        return 2;
    }

    private static int DecodeUnicode(ReadOnlySpan<byte> rest, StringBuilder text, out string? error)
    {
        error = null;
        var used = 6;
        if (Hex4(rest) is { } unit)
        {
            if (char.IsHighSurrogate(unit) && Hex4(rest[used..]) is { } low && char.IsLowSurrogate(low))
            {
                used += 6;
                if (!IsNonCharacter(char.ConvertToUtf32(unit, low)))
                {
                    text.Append(unit).Append(low);
                    return used;
                }
            }
            else if (!char.IsSurrogate(unit) && !IsNonCharacter(unit))
            {
                text.Append(unit);
                return used;
            }
        }
        error = $"{Printable(rest[..Math.Min(used, rest.Length)])} is not a valid Unicode character";
        return used;
    }

    /// <summary>The code unit of a \uXXXX at the start of the bytes, if there is one.</summary>
    private static char? Hex4(ReadOnlySpan<byte> bytes) =>
        bytes.Length >= 6 && bytes[0] == '\\' && bytes[1] == 'u'
            && ushort.TryParse(bytes[2..6], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit)
            ? (char)unit
            : null;

    private static int DecodeUtf8(ReadOnlySpan<byte> bytes, StringBuilder text, out string? error)
    {
        var used = ReadCodePoint(bytes, out var codePoint);
        error = codePoint < 0 ? "invalid UTF-8 sequence in string" : null;
        if (codePoint >= 0)
            Append(text, codePoint);
        return used;
    }

    /// <summary>One character of QEMU's UTF-8, or what stands in its place.</summary>
    /// <param name="codePoint">-1 where the bytes are no character.</param>
    /// <returns>Bytes taken: a bad sequence is as long as its first byte says, but ends before a byte that does not continue it.</returns>
    private static int ReadCodePoint(ReadOnlySpan<byte> bytes, out int codePoint)
    {
        codePoint = bytes[0];
        if (codePoint < 0x80)
            return 1;
        var length = BitOperations.LeadingZeroCount(~((uint)codePoint << 24));
        codePoint = -1;
        if (length is < 2 or > 6)
            return 1;
        var used = 1;
        var value = bytes[0] & (0x7F >> length);
        for (; used < length && used < bytes.Length && (bytes[used] & 0xC0) == 0x80; used++)
            value = (value << 6) | (bytes[used] & 0x3F);
        if (used == length && (value == 0 ? length == 2 : Rune.IsValid(value) && new Rune(value).Utf8SequenceLength == length && !IsNonCharacter(value)))
            codePoint = value;
        return used;
    }

    private static void Append(StringBuilder text, int codePoint)
    {
        if (codePoint <= char.MaxValue)
            text.Append((char)codePoint);
        else
            text.Append(char.ConvertFromUtf32(codePoint));
    }

    private static bool IsNonCharacter(int codePoint) => codePoint is >= 0xFDD0 and <= 0xFDEF || (codePoint & 0xFFFE) == 0xFFFE;
}
