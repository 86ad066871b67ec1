using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace Hostmemd.QmpShell.Transcript;

/// <summary>Numbers compared by value: integers exactly at any size, for a double holds no uint64.</summary>
internal static class JsonNumber
{
    /// <summary>Whether the value is written as an integer: 1, not 1.0 nor 1e0.</summary>
    public static bool IsInteger(JsonElement value) => value.ValueKind == JsonValueKind.Number && TryGetInteger(value, out _);

    public static bool AreEqual(JsonElement a, JsonElement b) =>
        TryGetInteger(a, out BigInteger x) && TryGetInteger(b, out BigInteger y) ? x == y : a.GetDouble().Equals(b.GetDouble());

    private static bool TryGetInteger(JsonElement value, out BigInteger integer) =>
        BigInteger.TryParse(value.GetRawText(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out integer);
}
