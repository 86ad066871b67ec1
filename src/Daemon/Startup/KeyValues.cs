using Hostmemd.Protocol.Wire;

namespace Hostmemd.Startup;

/// <summary>An option's argument in QEMU's form: key=value pairs with commas between, a comma in a value doubled.</summary>
internal static class KeyValues
{
    /// <param name="impliedKey">The key of a first part that has none, as in "-m 64M".</param>
    /// <returns>The pairs in their order; a part without '=' is a switch that is on, and one that begins with "no" a switch that is off.</returns>
    public static List<KeyValuePair<string, string>> Split(string text, string? impliedKey)
    {
        var pairs = new List<KeyValuePair<string, string>>();
        foreach (var part in SplitAtCommas(text))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals >= 0)
                pairs.Add(new(part[..equals], part[(equals + 1)..]));
            else if (pairs.Count == 0 && impliedKey is not null)
                pairs.Add(new(impliedKey, part));
            else if (part.StartsWith("no", StringComparison.Ordinal) && part.Length > 2)
                pairs.Add(new(part[2..], "off"));
            else
                pairs.Add(new(part, "on"));
        }
        return pairs;
    }

    /// <summary>The pairs as an object of strings; of a key that stands twice the last counts.</summary>
    public static JsonObject ToObject(IEnumerable<KeyValuePair<string, string>> pairs) =>
        new(pairs.GroupBy(pair => pair.Key).Select(group => KeyValuePair.Create(group.Key, (JsonValue)new JsonString(group.Last().Value))));

    private static List<string> SplitAtCommas(string text)
    {
        var parts = new List<string>();
        var start = 0;
        for (var i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && text[i] != ',')
                continue;
            if (i + 1 < text.Length && text[i + 1] == ',')
            {
                i++;
                continue;
            }
            parts.Add(text[start..i].Replace(",,", ",", StringComparison.Ordinal));
            start = i + 1;
        }
        return parts;
    }
}
