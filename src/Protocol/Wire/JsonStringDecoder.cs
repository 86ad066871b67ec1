using System.Buffers;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Unicode;

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
        // No byte becomes more than one UTF-16 unit.
        if (inside.Length > TokenBuffer.SmallLimit)
            return Decode(token, GC.AllocateUninitializedArray<char>(inside.Length), out error);
        var rented = ArrayPool<char>.Shared.Rent(inside.Length);
        try
        {
            return Decode(token, rented, out error);
        }
        finally
        {
            ArrayPool<char>.Shared.Return(rented);
        }
    }

    /// <summary>Whether a token, between its quotes, is text on the wire as it stands.</summary>
    public static bool IsPlain(in ReadOnlySequence<byte> token)
    {
        foreach (var piece in token.Slice(1, token.Length - 2))
            if (PlainText.IndexOfStop(piece.Span, (byte)'"', PlainText.LastAscii) >= 0)
                return false;
        return true;
    }

    /// <summary>Bytes as an error text shows them: each bad sequence as one U+FFFD.</summary>
    public static string Printable(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        for (var at = 0; at < bytes.Length;)
        {
            at += ReadCodePoint(bytes[at..], out var codePoint);
            if (codePoint < 0)
                text.Append('\uFFFD');
            else
                text.Append(char.ConvertFromUtf32(codePoint));
        }
        return text.ToString();
    }

    private static string Decode(ReadOnlySpan<byte> token, Span<char> text, out string? error)
    {
        error = null;
        var written = 0;
        // With the closing quote, which an error text shows where an escape is cut short.
        var rest = token[1..];
        while (rest.Length > 1 && error is null)
        {
            var used = rest[0] == '\\'
                ? rest[1] == 'u'
                    ? DecodeUnicode(rest, text[written..], out var length, out error)
                    : DecodeSimple(rest[1], text[written..], out length, out error)
                : DecodeRun(rest[..^1], text[written..], out length, out error);
            written += length;
            rest = rest[used..];
        }
        return error is null ? new string(text[..written]) : "";
    }

    private static int DecodeSimple(byte escaped, Span<char> text, out int written, out string? error)
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
        text[0] = c.GetValueOrDefault();
        written = 1;
        return 2;
    }

    private static int DecodeUnicode(ReadOnlySpan<byte> rest, Span<char> text, out int written, out string? error)
    {
        error = null;
        written = 0;
        var used = 6;
        if (Hex4(rest) is { } unit)
        {
            if (char.IsHighSurrogate(unit) && Hex4(rest[used..]) is { } low && char.IsLowSurrogate(low))
            {
                used += 6;
                if (!IsNonCharacter(char.ConvertToUtf32(unit, low)))
                {
                    (text[0], text[1], written) = (unit, low, 2);
                    return used;
                }
            }
            else if (!char.IsSurrogate(unit) && !IsNonCharacter(unit))
            {
                (text[0], written) = (unit, 1);
                return used;
            }
        }
        used = Math.Min(used, rest.Length);
        error = $"{Printable(rest[..used])} is not a valid Unicode character";
        return used;
    }

    /// <summary>The code unit of a \uXXXX at the start of the bytes, if there is one.</summary>
    private static char? Hex4(ReadOnlySpan<byte> bytes) =>
        bytes.Length >= 6 && bytes[0] == '\\' && bytes[1] == 'u'
            && ushort.TryParse(bytes[2..6], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit)
            ? (char)unit
            : null;

    /// <summary>Text up to the next escape, as far as it is what everybody takes for UTF-8; else one character as QEMU takes it.</summary>
    private static int DecodeRun(ReadOnlySpan<byte> bytes, Span<char> text, out int written, out string? error)
    {
        error = null;
        var end = bytes.IndexOf((byte)'\\');
        var run = end < 0 ? bytes : bytes[..end];
        Utf8.ToUtf16(run, text, out var used, out written, replaceInvalidSequences: false);
        if (used > 0)
        {
            // As many units as bytes: it is ASCII.
            error = written < used && HasNonCharacter(text[..written]) ? "invalid UTF-8 sequence in string" : null;
            return used;
        }
        // C0 80, or no character at all.
        used = ReadCodePoint(run, out var codePoint);
        error = codePoint < 0 ? "invalid UTF-8 sequence in string" : null;
        text[0] = '\0';
        written = 1;
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

    private static bool HasNonCharacter(ReadOnlySpan<char> text)
    {
        if (text.ContainsAnyInRange('\uFDD0', '\uFDEF') || text.ContainsAny('\uFFFE', '\uFFFF'))
            return true;
        // In the other planes they are the last two of each: low surrogates DFFE and DFFF behind a high one that ends in six ones.
        for (int at; (at = text.IndexOfAny('\uDFFE', '\uDFFF')) >= 0; text = text[(at + 1)..])
            if ((text[at - 1] & 0x3F) == 0x3F)
                return true;
        return false;
    }

    private static bool IsNonCharacter(int codePoint) => codePoint is >= 0xFDD0 and <= 0xFDEF || (codePoint & 0xFFFE) == 0xFFFE;
}
