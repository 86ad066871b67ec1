using System.Text.Json;

namespace Hostmemd.QmpShell.Transcript;

/// <summary>The words that stand for more than one value in an expectation.</summary>
internal static class JsonPlaceholder
{
    public const string Any = "$any";
    public const string Int = "$int";
    public const string Str = "$str";
    public const string Timestamp = "$timestamp";
    public const string Unordered = "$unordered";
    public const string ListWith = "$list-with";
    public const string ListOf = "$list-of";
    public const string ObjectWith = "$object-with";
    public const string All = "$all";

    /// <summary>Whether <paramref name="expected"/> is <c>{"$name": argument}</c>.</summary>
    public static bool TryGet(JsonElement expected, out string name, out JsonElement argument)
    {
        (name, argument) = ("", default);
        if (expected.ValueKind != JsonValueKind.Object || expected.GetPropertyCount() != 1)
            return false;

        foreach (JsonProperty member in expected.EnumerateObject())
            (name, argument) = (member.Name, member.Value);
        return name.StartsWith('$');
    }

    /// <exception cref="FormatException">A placeholder is unknown, or its argument has the wrong type.</exception>
    public static void Validate(JsonElement expected)
    {
        if (expected.ValueKind == JsonValueKind.String)
            ValidateString(expected.GetString()!);
        else if (TryGet(expected, out string name, out JsonElement argument))
            ValidateArgument(name, argument.ValueKind);

        if (expected.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty member in expected.EnumerateObject())
                Validate(member.Value);
        }
        else if (expected.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement element in expected.EnumerateArray())
                Validate(element);
        }
    }

    private static void ValidateString(string text)
    {
        if (text.StartsWith('$') && text is not (Any or Int or Str or Timestamp))
            throw new FormatException($"unknown placeholder {text}");
    }

    private static void ValidateArgument(string name, JsonValueKind argument)
    {
        bool known = name switch
        {
            Unordered or ListWith or All => argument == JsonValueKind.Array,
            ObjectWith => argument == JsonValueKind.Object,
            ListOf => true,
            _ => throw new FormatException($"unknown placeholder {name}"),
        };
        if (!known)
            throw new FormatException($"{name} has an argument of the wrong type");
    }
}
