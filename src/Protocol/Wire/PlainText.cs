using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Hostmemd.Protocol.Wire;

/// <summary>Finds what ends a run of text that stands on the wire as it is. Thread safe.</summary>
/// <remarks>
/// Not by SearchValues: its search needs an instruction (SSSE3) that native code for any x86-64 does not count on, and without it each of 16
/// bytes is looked up by itself. Comparing with one or two values, or a range, needs SSE2 alone.
/// </remarks>
internal static class PlainText
{
    private const byte FirstPlain = 0x20;

    /// <summary>The largest byte that is plain ASCII.</summary>
    public const byte LastAscii = (byte)'~';

    /// <summary>The first byte that is a quote, a backslash, a control byte, or above a limit; -1: none.</summary>
    /// <param name="last">The largest byte that is plain.</param>
    public static int IndexOfStop(ReadOnlySpan<byte> text, byte quote, byte last)
    {
        var at = 0;
        for (; at + Vector128<byte>.Count <= text.Length; at += Vector128<byte>.Count)
        {
            var some = Vector128.Create(text[at..]);
            var stops = Vector128.Equals(some, Vector128.Create(quote)) | Vector128.Equals(some, Vector128.Create((byte)'\\'))
                | Vector128.LessThan(some, Vector128.Create(FirstPlain)) | Vector128.GreaterThan(some, Vector128.Create(last));
            if (stops != Vector128<byte>.Zero)
                return at + BitOperations.TrailingZeroCount(stops.ExtractMostSignificantBits());
        }
        for (; at < text.Length; at++)
            if (text[at] == quote || text[at] == '\\' || text[at] < FirstPlain || text[at] > last)
                return at;
        return -1;
    }

    /// <summary>Copies text up to the first character that the writer must escape: a double quote, a backslash, or what is no printable ASCII.</summary>
    /// <param name="target">At least as long as the text; what is behind the copied part may be written to.</param>
    /// <returns>Characters copied, each one byte.</returns>
    public static int Copy(ReadOnlySpan<char> text, Span<byte> target)
    {
        var units = MemoryMarshal.Cast<char, ushort>(text);
        var at = 0;
        for (; at + Vector128<ushort>.Count <= units.Length; at += Vector128<ushort>.Count)
        {
            var some = Vector128.Create(units[at..]);
            var stops = Vector128.Equals(some, Vector128.Create((ushort)'"')) | Vector128.Equals(some, Vector128.Create((ushort)'\\'))
                | Vector128.LessThan(some, Vector128.Create((ushort)FirstPlain)) | Vector128.GreaterThan(some, Vector128.Create((ushort)LastAscii));
            if (stops != Vector128<ushort>.Zero)
                break;
            Vector128.Narrow(some, some).GetLower().CopyTo(target[at..]);
        }
        for (; at < text.Length && !IsEscaped(text[at]); at++)
            target[at] = (byte)text[at];
        return at;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsEscaped(char c) => c is '"' or '\\' or < (char)FirstPlain or > (char)LastAscii;
}
