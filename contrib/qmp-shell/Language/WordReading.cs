using System.Globalization;
using System.Text;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.QmpShell.Language;

/// <summary>What a word can be read as.</summary>
internal static class WordReading
{
    /// <summary>on and off, in the words that QEMU's command line has for them and in Python's.</summary>
    public static JsonBool? Bool(string text) => text switch
    {
        "on" or "yes" or "y" or "true" or "True" => JsonBool.True,
        "off" or "no" or "n" or "false" or "False" => JsonBool.False,
        _ => null,
    };

    public static bool IsNull(string text) => text is "null" or "None";

    /// <summary>An integer: as JSON, in hex, as a size such as 1.5G, or as 1e9.</summary>
    public static JsonValue? Integer(string text)
    {
        if (TextValues.TrySigned(text, out long signed))
            return JsonNumber.Of(signed);
        if (TextValues.TryUnsigned(text, out ulong unsigned) || TextValues.TrySize(text, 1, out unsigned, out _))
            return JsonNumber.Of(unsigned);
        return decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out decimal value)
            && decimal.Truncate(value) == value && value is >= long.MinValue and <= ulong.MaxValue
                ? (value < 0 ? JsonNumber.Of((long)value) : JsonNumber.Of((ulong)value))
                : null;
    }

    /// <summary>A number that JSON could hold, to the last digit as it was typed.</summary>
    public static JsonValue? Number(string text)
    {
        if (text.Length == 0 || !(char.IsAsciiDigit(text[0]) || text[0] == '-'))
            return null;
        try
        {
            return JsonText.Parse(text) is JsonNumber ? new JsonRaw(Encoding.ASCII.GetBytes(text)) : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    public static JsonValue? Hex(string text) =>
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && TextValues.TryUnsigned(text, out ulong value) ? JsonNumber.Of(value) : null;
}
