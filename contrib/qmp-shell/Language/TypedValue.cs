using System.Globalization;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;
using Hostmemd.QmpShell.Schema;

namespace Hostmemd.QmpShell.Language;

/// <summary>
/// Makes of what was typed the value that goes out. The schema says what a word is: 1G is a number where the server wants one, 123 a string
/// where it wants that. What does not fit goes out as a string: the server's error says more about it than we could.
/// </summary>
internal static class TypedValue
{
    /// <param name="value">What was typed.</param>
    /// <param name="type">What the server wants there; null where that is not known.</param>
    /// <param name="schema">Explains the names within the type; null where there is none.</param>
    public static JsonValue Make(LineValue value, SchemaType? type, ServerSchema? schema) => (value, type) switch
    {
        (LineValue.Text { Form: TextForm.Literal } text, _) => new JsonString(text.Value),
        (LineValue.Text { Form: TextForm.Bare } text, not SchemaType.Enum) when WordReading.IsNull(text.Value) => JsonNull.Instance,
        (LineValue.Text text, SchemaType.Builtin builtin) => Word(text, builtin.Json),
        (LineValue.Text text, SchemaType.Enum) => new JsonString(text.Value),
        (LineValue.Text text, SchemaType.Alternate alternate) => Alternative(text, alternate, schema!),
        (LineValue.Text text, SchemaType.Array array) => Elements(text, schema!.Type(array.ElementType), schema),
        (LineValue.Members members, SchemaType.Array array) when IsNumbered(members) =>
            Elements(members.Pairs.Select(pair => pair.Value), schema!.Type(array.ElementType), schema),
        (LineValue.Members members, SchemaType.Struct structure) => Members(members, structure, schema!),
        (LineValue.Members, SchemaType.Alternate alternate) when Find<SchemaType.Struct>(alternate, schema!) is { } structure =>
            Make(value, structure, schema),
        (LineValue.List, SchemaType.Alternate alternate) when Find<SchemaType.Array>(alternate, schema!) is { } array => Make(value, array, schema),
        (LineValue.List list, SchemaType.Array array) => Elements(list.Items, schema!.Type(array.ElementType), schema),
        _ => Untyped(value),
    };

    /// <summary>The members of an object.</summary>
    /// <param name="others">Types that the server tells elsewhere, as those of a device's properties.</param>
    public static JsonObject Members(
        LineValue.Members members, SchemaType.Struct type, ServerSchema schema, IReadOnlyDictionary<string, SchemaType>? others = null)
    {
        string? tag = type.Tag is null ? null : (members[type.Tag] as LineValue.Text)?.Value;
        Dictionary<string, SchemaMember> known = schema.Members(type, tag).ToDictionary(member => member.Name);
        return new JsonObject(members.Pairs.Select(pair => new KeyValuePair<string, JsonValue>(
            pair.Key,
            Make(pair.Value, others?.GetValueOrDefault(pair.Key) ?? Declared(pair.Key), schema))));

        SchemaType? Declared(string name) => known.TryGetValue(name, out SchemaMember? member) ? schema.Type(member.TypeName) : null;
    }

    /// <summary>Without a schema: numbers, true and false, JSON; all else is a string.</summary>
    private static JsonValue Untyped(LineValue value) => value switch
    {
        LineValue.Text { Form: TextForm.Quoted or TextForm.Literal } text => new JsonString(text.Value),
        LineValue.Text { Value: "true" or "True" } => JsonBool.True,
        LineValue.Text { Value: "false" or "False" } => JsonBool.False,
        LineValue.Text { Form: TextForm.Bare } text when WordReading.IsNull(text.Value) => JsonNull.Instance,
        LineValue.Text text => WordReading.Number(text.Value) ?? WordReading.Hex(text.Value) ?? new JsonString(text.Value),
        LineValue.List list => new JsonArray([.. list.Items.Select(Untyped)]),
        LineValue.Members members =>
            new JsonObject(members.Pairs.Select(pair => new KeyValuePair<string, JsonValue>(pair.Key, Untyped(pair.Value)))),
        _ => throw new ArgumentOutOfRangeException(nameof(value)),
    };

    private static JsonValue Word(LineValue.Text text, JsonType type) => type switch
    {
        JsonType.String => new JsonString(text.Value),
        JsonType.Int => WordReading.Integer(text.Value) ?? new JsonString(text.Value),
        JsonType.Number => WordReading.Number(text.Value) ?? WordReading.Integer(text.Value) ?? new JsonString(text.Value),
        JsonType.Boolean => WordReading.Bool(text.Value) ?? (JsonValue)new JsonString(text.Value),
        JsonType.Null when WordReading.IsNull(text.Value) => JsonNull.Instance,
        _ => Untyped(text),
    };

    private static JsonValue Alternative(LineValue.Text text, SchemaType.Alternate alternate, ServerSchema schema)
    {
        SchemaType[] types = [.. alternate.Types.Select(schema.Type)];
        bool Has(JsonType type) => types.OfType<SchemaType.Builtin>().Any(builtin => builtin.Json == type);
        if (text.Form == TextForm.Quoted || types.OfType<SchemaType.Enum>().Any(names => names.Values.Contains(text.Value)))
            return new JsonString(text.Value);
        return (Has(JsonType.Null) && WordReading.IsNull(text.Value) ? JsonNull.Instance : null)
            ?? (Has(JsonType.Boolean) ? WordReading.Bool(text.Value) : null)
            ?? (Has(JsonType.Int) ? WordReading.Integer(text.Value) : null)
            ?? (JsonValue)new JsonString(text.Value);
    }

    /// <summary>A list may be typed as on QEMU's command line: <c>0-3,6</c>, or names with commas between.</summary>
    private static JsonArray Elements(LineValue.Text text, SchemaType element, ServerSchema? schema)
    {
        if (text.Value.Length == 0)
            return new JsonArray([]);
        if (element is SchemaType.Builtin { Json: JsonType.Int } && text.Value.Contains('-', StringComparison.Ordinal))
        {
            try
            {
                return TextValues.List("", text.Value);
            }
            catch (QmpException)
            {
                // No range: word by word, then.
            }
        }

        string[] words = text.Form == TextForm.Quoted ? [text.Value] : text.Value.Split(',');
        return Elements(words.Select(word => text with { Value = word }), element, schema);
    }

    private static JsonArray Elements(IEnumerable<LineValue> items, SchemaType element, ServerSchema? schema) =>
        new([.. items.Select(item => Make(item, element, schema))]);

    private static bool IsNumbered(LineValue.Members members) =>
        members.Pairs.Select((pair, index) => pair.Key == index.ToString(CultureInfo.InvariantCulture)).All(equal => equal);

    private static T? Find<T>(SchemaType.Alternate alternate, ServerSchema schema)
        where T : SchemaType =>
        alternate.Types.Select(schema.Type).OfType<T>().FirstOrDefault();
}
