using System.Globalization;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Schema;

/// <summary>Values as the command line spells them: on and off, numbers in decimal or hex, sizes with suffixes (seen in QEMU 11.1.3).</summary>
public static class TextValues
{
    private const string Suffixes = "bkmgtpe";

    /// <exception cref="QmpException">Neither on nor off.</exception>
    public static bool Bool(string name, string text) => text switch
    {
        "on" or "yes" or "true" or "y" => true,
        "off" or "no" or "false" or "n" => false,
        _ => throw ProtocolErrors.Expects(name, "'on' or 'off'"),
    };

    /// <exception cref="QmpException">No number from 0 to 2^64 - 1.</exception>
    public static ulong Unsigned(string name, string text) =>
        TryUnsigned(text, out var value) ? value : throw ProtocolErrors.Expects(name, "a number");

    /// <summary>Bytes, or with one of the suffixes b, k, M, G, T, P, E; a fraction needs one larger than b: 1.5G.</summary>
    /// <param name="unit">What a number without suffix counts: 1 for bytes.</param>
    /// <exception cref="QmpException">No size, or one beyond 2^64 - 1.</exception>
    public static ulong Size(string name, string text, ulong unit = 1) =>
        TrySize(text, unit, out var value, out var isOutOfRange) ? value
            : throw (isOutOfRange
                ? new QmpException($"Value '{text}' is out of range for parameter '{name}'")
                : ProtocolErrors.Expects(name, "a non-negative number below 2^64"));

    internal static bool TrySize(string text, ulong unit, out ulong value, out bool isOutOfRange)
    {
        isOutOfRange = text.StartsWith('-');
        // A hex number takes no suffix: its b and e are digits.
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            var isHex = TryUnsigned(text, out value);
            isOutOfRange = isHex && value > ulong.MaxValue / unit;
            value = unchecked(value * unit);
            return isHex && !isOutOfRange;
        }
        var suffix = text.Length == 0 ? -1 : Suffixes.IndexOf(char.ToLowerInvariant(text[^1]), StringComparison.Ordinal);
        var number = suffix < 0 ? text : text[..^1];
        var factor = suffix < 0 ? unit : 1UL << (10 * suffix);
        value = 0;
        if (!decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount)
            || (suffix <= 0 && amount != decimal.Truncate(amount)))
            return false;
        isOutOfRange = amount > (decimal)ulong.MaxValue / factor;
        if (isOutOfRange)
            return false;
        var whole = decimal.Truncate(amount);
        value = (ulong)whole * factor + (ulong)decimal.Round((amount - whole) * factor, MidpointRounding.AwayFromZero);
        return true;
    }

    /// <summary>A number or a range such as 0-3, and more of them behind commas.</summary>
    /// <exception cref="QmpException">Anything else, or a range longer than any list of nodes or CPUs.</exception>
    internal static JsonArray List(string name, string text)
    {
        var items = new List<JsonValue>();
        foreach (var part in text.Split(','))
        {
            var bounds = part.Split('-');
            if (bounds.Length > 2 || !TryUnsigned(bounds[0], out var first) || !TryUnsigned(bounds[^1], out var last)
                || first > last || last - first > ushort.MaxValue)
                throw ProtocolErrors.Expects(name, "a uint64 value or range");
            for (var i = 0UL; i <= last - first; i++)
                items.Add(JsonNumber.Of(first + i));
        }
        return new JsonArray(items);
    }

    internal static bool TrySigned(string text, out long value) =>
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);

    internal static bool TryUnsigned(string text, out ulong value) =>
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
