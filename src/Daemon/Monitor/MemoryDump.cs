using System.Globalization;
using System.Text;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;
using Hostmemd.Sessions;

namespace Hostmemd.Monitor;

/// <summary>
/// xp: guest physical memory as text, in QEMU 11.1.3's layout. Read through the kernel, so memory that is gone is told and ends nothing.
/// </summary>
internal static class MemoryDump
{
    private const string Wrong = "\nTry \"help xp\" for more information\n";

    /// <summary>What makes a reply of some 4 MiB.</summary>
    private const int MostBytes = 1 << 20;

    private sealed record Format(int Count, char Shape, int Size);

    /// <param name="text">What follows the name: /FORMAT, then the address.</param>
    public static string Run(Client client, string text)
    {
        text = text.Trim();
        var format = new Format(1, 'x', 4);
        if (text.StartsWith('/'))
        {
            var end = text.IndexOf(' ', StringComparison.Ordinal);
            var (read, wrong) = ReadFormat(end < 0 ? text[1..] : text[1..end]);
            if (read is null)
                return $"invalid char in format: '{wrong}'{Wrong}";
            format = read;
            text = end < 0 ? "" : text[end..].Trim();
        }
        if (text.Length == 0)
            return "unexpected end of expression" + Wrong;
        if ((long)format.Count * format.Size > MostBytes)
            return $"xp: at most {MostBytes} bytes are shown at a time{Wrong}";
        return ReadAddress(text) is { } addr ? Dump(client, format, addr) : $"xp: the address is a number, not '{text}'{Wrong}";
    }

    /// <summary>A count in digits, then letters in any order: how to show it (x d u o c), and how many bytes it is (b h w g).</summary>
    private static (Format? Format, char Wrong) ReadFormat(string text)
    {
        var digits = text.TakeWhile(char.IsAsciiDigit).Count();
        var format = new Format(1, 'x', 4);
        if (digits > 0)
            format = format with { Count = int.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : int.MaxValue };
        foreach (var letter in text[digits..])
        {
            format = letter switch
            {
                'x' or 'd' or 'u' or 'o' or 'c' => format with { Shape = letter },
                'b' => format with { Size = 1 },
                'h' => format with { Size = 2 },
                'w' => format with { Size = 4 },
                'g' => format with { Size = 8 },
                _ => null,
            };
            if (format is null)
                return (null, letter);
        }
        return (format, default);
    }

    private static ulong? ReadAddress(string text) => text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex) ? hex : null
        : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static string Dump(Client client, Format format, ulong addr)
    {
        var (lineSize, width) = format.Shape == 'c' ? (8, 1) : (16, format.Size);
        var text = new StringBuilder();
        var bytes = new byte[lineSize];
        // Once for all lines: going through thousands of DIMMs for each would take seconds.
        var memory = client.Pin().MemoryIn(addr, (ulong)(format.Count * format.Size)).ToList();
        for (var left = format.Count * format.Size; left > 0; left -= lineSize, addr += (ulong)lineSize)
        {
            var line = bytes.AsSpan(0, Math.Min(left, lineSize));
            text.Append(CultureInfo.InvariantCulture, $"{addr:x8}:");
            if (!TryRead(memory, addr, line))
                return text.Append(" Cannot access memory\n").ToString();
            for (var at = 0; at < line.Length; at += width)
                text.Append(' ').Append(Show(line.Slice(at, width), format.Shape));
            text.Append('\n');
        }
        return text.ToString();
    }

    private static bool TryRead(List<GuestMemoryRange> memory, ulong addr, Span<byte> target)
    {
        var done = 0;
        foreach (var whole in memory)
        {
            if (!whole.Overlaps(addr, (ulong)target.Length))
                continue;
            var range = whole.Cut(addr, (ulong)target.Length);
            if (range.Addr != addr + (ulong)done)
                return false;
            try
            {
                range.Backend.Hold();
            }
            catch (QmpException)
            {
                return false;
            }
            try
            {
                range.Backend.Memory.Read(range.Offset, target.Slice(done, (int)range.Size));
            }
            catch (KernelException)
            {
                return false;
            }
            finally
            {
                range.Backend.Unhold();
            }
            done += (int)range.Size;
        }
        return done == target.Length;
    }

    private static string Show(ReadOnlySpan<byte> bytes, char shape)
    {
        ulong value = 0;
        for (var i = bytes.Length - 1; i >= 0; i--)
            value = (value << 8) | bytes[i];
        return shape switch
        {
            'x' => "0x" + value.ToString("x", CultureInfo.InvariantCulture).PadLeft(bytes.Length * 2, '0'),
            'o' => "0" + Octal(value).PadLeft(Digits(bytes.Length, 3, 6, 11, 22)),
            'd' => ((long)value).ToString(CultureInfo.InvariantCulture).PadLeft(Digits(bytes.Length, 3, 5, 10, 20)),
            'u' => value.ToString(CultureInfo.InvariantCulture).PadLeft(Digits(bytes.Length, 3, 5, 10, 20)),
            _ => Character((char)value),
        };
    }

    private static int Digits(int size, int one, int two, int four, int eight) => size switch { 1 => one, 2 => two, 4 => four, _ => eight };

    private static string Octal(ulong value)
    {
        var text = new StringBuilder();
        do
        {
            text.Insert(0, (char)('0' + (value & 7)));
            value >>= 3;
        }
        while (value != 0);
        return text.ToString();
    }

    private static string Character(char value) => value switch
    {
        '\'' => "'\\''",
        '\\' => "'\\\\'",
        '\n' => "'\\n'",
        '\r' => "'\\r'",
        >= ' ' and <= '~' => $"'{value}'",
        _ => string.Create(CultureInfo.InvariantCulture, $"'\\x{(int)value:x2}'"),
    };
}
