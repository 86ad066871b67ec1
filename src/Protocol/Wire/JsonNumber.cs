using System.Globalization;
using System.Text;

namespace Hostmemd.Protocol.Wire;

/// <summary>A number: int64 where it fits, else uint64, else a double (seen in QEMU 11.1.3).</summary>
public sealed class JsonNumber : JsonValue
{
    private readonly long _bits;

    private JsonNumber(JsonNumberKind kind, long bits) => (Kind, _bits) = (kind, bits);

    public JsonNumberKind Kind { get; }

    /// <summary>The value; meaningful where <see cref="Kind"/> is Int64.</summary>
    public long Int64 => _bits;

    /// <summary>The value; meaningful where <see cref="Kind"/> is UInt64, and modulo 2^64 where it is Int64.</summary>
    public ulong UInt64 => unchecked((ulong)_bits);

    /// <summary>The value; meaningful where <see cref="Kind"/> is Double.</summary>
    public double Double => BitConverter.Int64BitsToDouble(_bits);

    public static JsonNumber Of(long value) => new(JsonNumberKind.Int64, value);

    /// <summary>Numbers that fit an int64 are one, so that equal values are equal in kind.</summary>
    public static JsonNumber Of(ulong value) =>
        new(value <= long.MaxValue ? JsonNumberKind.Int64 : JsonNumberKind.UInt64, unchecked((long)value));

    public static JsonNumber Of(double value) => new(JsonNumberKind.Double, BitConverter.DoubleToInt64Bits(value));

    /// <summary>Reads a token that the lexer took for a number.</summary>
    /// <returns>null where the number is beyond a double's range: it could only be echoed as text that is not JSON.</returns>
    internal static JsonNumber? Parse(ReadOnlySpan<byte> token, bool isInteger)
    {
        if (isInteger)
        {
            if (long.TryParse(token, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var signed))
                return Of(signed);
            if (ulong.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var unsigned))
                return Of(unsigned);
        }
        var value = double.Parse(token, NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(value) ? Of(value) : null;
    }

    /// <summary>The number's text on the wire: integers exact, doubles as C's %.17g.</summary>
    internal int Format(Span<byte> destination)
    {
        int written;
        if (Kind == JsonNumberKind.Double)
            return Encoding.ASCII.GetBytes(FormatDouble(Double), destination);
        _ = Kind == JsonNumberKind.Int64 ? Int64.TryFormat(destination, out written) : UInt64.TryFormat(destination, out written);
        return written;
    }

    private static string FormatDouble(double value)
    {
        // 17 significant digits as d.dddde+XXX, then C's rule for %g: fixed notation for exponents -4 to 16, no trailing zeros.
        var scientific = value.ToString("E16", CultureInfo.InvariantCulture);
        var mark = scientific.IndexOf('E', StringComparison.Ordinal);
        var exponent = int.Parse(scientific.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var sign = scientific[0] == '-' ? "-" : "";
        var digits = scientific.AsSpan(sign.Length, mark - sign.Length).ToString().Replace(".", "", StringComparison.Ordinal).TrimEnd('0');
        if (digits.Length == 0)
            return sign + "0";
        if (exponent is < -4 or >= 17)
        {
            var fraction = digits.Length > 1 ? "." + digits[1..] : "";
            return string.Create(CultureInfo.InvariantCulture, $"{sign}{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");
        }
        if (exponent < 0)
            return sign + "0." + new string('0', -exponent - 1) + digits;
        return digits.Length <= exponent + 1
            ? sign + digits.PadRight(exponent + 1, '0')
            : sign + digits[..(exponent + 1)] + "." + digits[(exponent + 1)..];
    }
}
