using System.Globalization;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.QmpShell.Show;

/// <summary>Bytes and addresses for people.</summary>
internal static class Amount
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>In the largest unit that leaves at least 1, with as many digits as tell something.</summary>
    public static string Bytes(ulong bytes)
    {
        int unit = 0;
        double value = bytes;
        while (value >= 1024 && unit < Units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{value:0.##} {Units[unit]}");
    }

    public static string Bytes(JsonValue? value) => value is JsonNumber number ? Bytes(number.UInt64) : "-";

    public static string Address(ulong address) => string.Create(CultureInfo.InvariantCulture, $"0x{address:x}");

    public static ulong Of(JsonValue? value) => (value as JsonNumber)?.UInt64 ?? 0;

    public static string Text(JsonValue? value) => value is JsonString text ? text.Value : value?.ToString() ?? "-";

    /// <summary>A tail of a QOM path is enough to know it by.</summary>
    public static string Tail(JsonValue? path) => path is JsonString { Value: var text } ? text[(text.LastIndexOf('/') + 1)..] : "-";

    public static IEnumerable<JsonObject> Items(JsonValue? list) => ((list as JsonArray)?.Items ?? []).OfType<JsonObject>();
}
