using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.QmpShell.Schema;

/// <summary>What query-qmp-schema answered. Read leniently: what a later QEMU adds is passed over. Immutable but for a cache; one owner.</summary>
internal sealed class ServerSchema
{
    private static readonly Dictionary<string, string> NoVariants = [];

    private readonly Dictionary<string, JsonObject> _entities = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SchemaType> _types = new(StringComparer.Ordinal);

    public ServerSchema(JsonValue reply)
    {
        foreach (JsonObject entity in Objects(reply))
            if (Text(entity, "name") is { } name)
                _entities.TryAdd(name, entity);
    }

    public IEnumerable<string> Commands => Named("command");

    public IEnumerable<string> Events => Named("event");

    public SchemaCommand? Command(string name)
    {
        if (!_entities.TryGetValue(name, out JsonObject? entity) || Text(entity, "meta-type") != "command")
            return null;
        return new SchemaCommand(
            name, Text(entity, "arg-type") ?? "", Text(entity, "ret-type") ?? "", entity["allow-oob"] is JsonBool { Value: true }, Features(entity));
    }

    /// <summary>The arguments of a command; null for a command that is not there.</summary>
    public SchemaType.Struct? Arguments(string command) => Command(command) is { } known ? Type(known.ArgumentType) as SchemaType.Struct : null;

    /// <summary>The actions that a transaction can have; none for a server without transactions.</summary>
    public IEnumerable<string> Actions => Action?.Variants.Keys ?? [];

    private SchemaType.Struct? Action =>
        Arguments("transaction")?.Members.FirstOrDefault(member => member.Name == "actions") is { } actions
        && Type(actions.TypeName) is SchemaType.Array list ? Type(list.ElementType) as SchemaType.Struct : null;

    /// <summary>What an action takes; null for one that is not there.</summary>
    public SchemaType.Struct? ActionArguments(string name) =>
        Action is { } action && action.Variants.TryGetValue(name, out string? variant) && Type(variant) is SchemaType.Struct wrapper
        && wrapper.Members.FirstOrDefault(member => member.Name == "data") is { } data ? Type(data.TypeName) as SchemaType.Struct : null;

    /// <summary>The type of that name; any for one that the schema does not explain.</summary>
    public SchemaType Type(string name)
    {
        if (!_types.TryGetValue(name, out SchemaType? type))
            _types[name] = type = _entities.TryGetValue(name, out JsonObject? entity) ? Read(entity) : SchemaType.Any;
        return type;
    }

    /// <summary>The members that an object can have when its tag has this value; those of every variant while that is not known.</summary>
    public IEnumerable<SchemaMember> Members(SchemaType.Struct type, string? tagValue)
    {
        IEnumerable<string> variants = tagValue is null
            ? type.Variants.Values.Distinct(StringComparer.Ordinal)
            : type.Variants.Where(variant => variant.Key == tagValue).Select(variant => variant.Value);
        return type.Members
            .Concat(variants.SelectMany(variant => Type(variant) is SchemaType.Struct joined ? joined.Members : []))
            .DistinctBy(member => member.Name);
    }

    private static SchemaType Read(JsonObject entity) => Text(entity, "meta-type") switch
    {
        "builtin" when SchemaInfoBuiltin.JsonTypes.IndexOf(Text(entity, "json-type") ?? "") is var index and >= 0 =>
            new SchemaType.Builtin(SchemaInfoBuiltin.JsonTypes.ValueAt(index)),
        "enum" => new SchemaType.Enum(
            entity.Contains("members") ? [.. Texts(entity, "members", "name")] : [.. Items(entity["values"]).OfType<JsonString>().Select(value => value.Value)]),
        "array" => new SchemaType.Array(Text(entity, "element-type") ?? ""),
        "object" => new SchemaType.Struct(
            [.. Objects(entity["members"]).Select(Member)],
            Text(entity, "tag"),
            entity.Contains("variants")
                ? Objects(entity["variants"]).ToDictionary(variant => Text(variant, "case") ?? "", variant => Text(variant, "type") ?? "")
                : NoVariants),
        "alternate" => new SchemaType.Alternate([.. Texts(entity, "members", "type")]),
        _ => SchemaType.Any,
    };

    private static SchemaMember Member(JsonObject member) =>
        new(Text(member, "name") ?? "", Text(member, "type") ?? "", member.Contains("default"), member["default"], Features(member));

    private static string[] Features(JsonObject entity) => [.. Items(entity["features"]).OfType<JsonString>().Select(feature => feature.Value)];

    private static IEnumerable<string> Texts(JsonObject entity, string list, string member) =>
        Objects(entity[list]).Select(item => Text(item, member) ?? "");

    private static IEnumerable<JsonObject> Objects(JsonValue? list) => Items(list).OfType<JsonObject>();

    private static IReadOnlyList<JsonValue> Items(JsonValue? list) => (list as JsonArray)?.Items ?? [];

    private static string? Text(JsonObject entity, string name) => (entity[name] as JsonString)?.Value;

    private IEnumerable<string> Named(string metaType) =>
        _entities.Where(entity => Text(entity.Value, "meta-type") == metaType).Select(entity => entity.Key);
}
