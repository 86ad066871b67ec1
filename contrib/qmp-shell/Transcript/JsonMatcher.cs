using System.Text.Json;

namespace Hostmemd.QmpShell.Transcript;

/// <summary>Compares an answer with an expectation that may hold placeholders.</summary>
internal static class JsonMatcher
{
    public static bool Matches(JsonElement expected, JsonElement got) => Difference(expected, got) is null;

    /// <summary>Null when <paramref name="got"/> matches, else one sentence that says where it does not.</summary>
    public static string? Difference(JsonElement expected, JsonElement got) => Difference(expected, got, "");

    private static string? Difference(JsonElement expected, JsonElement got, string path)
    {
        if (JsonPlaceholder.TryGet(expected, out string name, out JsonElement argument))
            return PlaceholderDifference(name, argument, got, path);

        return expected.ValueKind switch
        {
            JsonValueKind.String => StringDifference(expected, got, path),
            JsonValueKind.Object => ObjectDifference(expected, got, path),
            JsonValueKind.Array => ArrayDifference(expected, got, path),
            JsonValueKind.Number when got.ValueKind == JsonValueKind.Number && JsonNumber.AreEqual(expected, got) => null,
            JsonValueKind.Number => Unequal(expected, got, path),
            _ => expected.ValueKind == got.ValueKind ? null : Unequal(expected, got, path),
        };
    }

    private static string? PlaceholderDifference(string name, JsonElement argument, JsonElement got, string path) => name switch
    {
        JsonPlaceholder.All => FirstDifference(argument, e => Difference(e, got, path)),
        JsonPlaceholder.ObjectWith => MembersDifference(argument, got, path),
        _ when got.ValueKind != JsonValueKind.Array => Wanted("an array", got, path),
        JsonPlaceholder.ListOf => ElementsDifference(argument, got, path),
        JsonPlaceholder.ListWith => SelectionDifference(argument, got, path, othersAllowed: true),
        JsonPlaceholder.Unordered => SelectionDifference(argument, got, path, othersAllowed: false),
        _ => throw new FormatException($"unknown placeholder {name}"),
    };

    private static string? StringDifference(JsonElement expected, JsonElement got, string path)
    {
        string text = expected.GetString()!;
        return text switch
        {
            JsonPlaceholder.Any => null,
            JsonPlaceholder.Int => JsonNumber.IsInteger(got) ? null : Wanted("an integer", got, path),
            JsonPlaceholder.Str => got.ValueKind == JsonValueKind.String ? null : Wanted("a string", got, path),
            JsonPlaceholder.Timestamp => IsTimestamp(got) ? null : Wanted("a timestamp", got, path),
            _ => got.ValueKind == JsonValueKind.String && got.ValueEquals(text) ? null : Unequal(expected, got, path),
        };
    }

    private static string? ObjectDifference(JsonElement expected, JsonElement got, string path)
    {
        if (got.ValueKind != JsonValueKind.Object)
            return Unequal(expected, got, path);

        string[] missing = MembersOnlyIn(expected, got);
        string[] extra = MembersOnlyIn(got, expected);
        if (missing.Length > 0 || extra.Length > 0)
        {
            string[] parts =
            [
                .. missing.Length > 0 ? [$"missing member(s) {string.Join(", ", missing)}"] : Array.Empty<string>(),
                .. extra.Length > 0 ? [$"unexpected member(s) {string.Join(", ", extra)}"] : Array.Empty<string>(),
            ];
            return At(path) + string.Join("; ", parts);
        }

        return MembersDifference(expected, got, path);
    }

    private static string? MembersDifference(JsonElement expected, JsonElement got, string path)
    {
        if (got.ValueKind != JsonValueKind.Object)
            return Wanted("an object", got, path);

        foreach (JsonProperty member in expected.EnumerateObject())
        {
            string? difference = got.TryGetProperty(member.Name, out JsonElement value)
                ? Difference(member.Value, value, $"{path}.{member.Name}")
                : $"{At(path)}member '{member.Name}' is missing in {JsonText.Show(got)}";
            if (difference is not null)
                return difference;
        }

        return null;
    }

    private static string? ArrayDifference(JsonElement expected, JsonElement got, string path)
    {
        if (got.ValueKind != JsonValueKind.Array)
            return Unequal(expected, got, path);
        if (expected.GetArrayLength() != got.GetArrayLength())
            return $"{At(path)}expected {expected.GetArrayLength()} array elements, got {got.GetArrayLength()}";

        int index = 0;
        return FirstDifference(expected, e => Difference(e, got[index], $"{path}[{index++}]"));
    }

    private static string? ElementsDifference(JsonElement expected, JsonElement got, string path)
    {
        int index = 0;
        return FirstDifference(got, g => Difference(expected, g, $"{path}[{index++}]"));
    }

    // Each expectation takes the first element it matches; an expectation with placeholders therefore stands after the exact ones.
    private static string? SelectionDifference(JsonElement expected, JsonElement got, string path, bool othersAllowed)
    {
        List<JsonElement> left = [.. got.EnumerateArray()];
        foreach (JsonElement wanted in expected.EnumerateArray())
        {
            int found = left.FindIndex(g => Matches(wanted, g));
            if (found < 0)
                return $"{At(path)}no array element matches {JsonText.Show(wanted)} in {JsonText.Show(got)}";
            left.RemoveAt(found);
        }

        return othersAllowed || left.Count == 0
            ? null
            : $"{At(path)}unexpected array element(s) {JsonText.Shorten($"[{string.Join(", ", left.Select(e => e.GetRawText()))}]")}";
    }

    private static string? FirstDifference(JsonElement array, Func<JsonElement, string?> difference) =>
        array.EnumerateArray().Select(difference).FirstOrDefault(d => d is not null);

    private static string[] MembersOnlyIn(JsonElement one, JsonElement other) =>
        [.. one.EnumerateObject().Select(m => m.Name).Where(name => !other.TryGetProperty(name, out _))];

    private static bool IsTimestamp(JsonElement value) =>
        value.ValueKind == JsonValueKind.Object
        && value.GetPropertyCount() == 2
        && value.TryGetProperty("seconds", out JsonElement seconds) && JsonNumber.IsInteger(seconds)
        && value.TryGetProperty("microseconds", out JsonElement microseconds) && JsonNumber.IsInteger(microseconds);

    private static string Wanted(string what, JsonElement got, string path) => $"{At(path)}expected {what}, got {JsonText.Show(got)}";

    private static string Unequal(JsonElement expected, JsonElement got, string path) => Wanted(JsonText.Show(expected), got, path);

    private static string At(string path) => $"at {(path.Length == 0 ? "top" : path)}: ";
}
