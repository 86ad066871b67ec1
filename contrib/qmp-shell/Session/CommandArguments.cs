using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;
using Hostmemd.QmpShell.Language;
using Hostmemd.QmpShell.Schema;

namespace Hostmemd.QmpShell.Session;

/// <summary>Makes a command's arguments, asking the server for the types that it alone knows.</summary>
internal static class CommandArguments
{
    /// <returns>null for a command without arguments.</returns>
    /// <exception cref="FormatException">A word without key, where it cannot be said whose it is.</exception>
    public static async Task<JsonObject?> MakeAsync(LineCommand command, ShellSession session, CancellationToken cancellationToken)
    {
        if (command.Arguments.Pairs.Count == 0 && command.Sole is null)
            return null;
        ServerSchema? schema = await session.SchemaAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        SchemaType.Struct? type = schema?.Arguments(command.Name);
        LineValue.Members given = command.Sole is { } sole ? WithSole(command.Arguments, sole, type) : command.Arguments;
        if (type is null)
            return (JsonObject)TypedValue.Make(given, type: null, schema: null);
        IReadOnlyDictionary<string, SchemaType>? others = command.Name switch
        {
            "device_add" => await DevicePropertiesAsync(given, session, cancellationToken).ConfigureAwait(false),
            "qom-set" => await ValueAsync(given, session, cancellationToken).ConfigureAwait(false),
            _ => null,
        };
        return TypedValue.Members(given, type, schema!, others);
    }

    /// <summary>The type on the wire of a property's QOM type.</summary>
    public static SchemaType OfQomType(string name) => name switch
    {
        "bool" => new SchemaType.Builtin(JsonType.Boolean),
        "number" => new SchemaType.Builtin(JsonType.Number),
        "size" or "int" or "int8" or "int16" or "int32" or "int64" or "uint8" or "uint16" or "uint32" or "uint64" =>
            new SchemaType.Builtin(JsonType.Int),
        _ => new SchemaType.Builtin(JsonType.String),
    };

    private static LineValue.Members WithSole(LineValue.Members given, LineValue sole, SchemaType.Struct? type)
    {
        SchemaMember[] required = [.. type?.Members.Where(member => !member.IsOptional) ?? []];
        return required is [var only] && given[only.Name] is null
            ? new LineValue.Members([new(only.Name, sole), .. given.Pairs])
            : throw new FormatException($"expected key=value, got {LineCommand.Show(new LineWord(null, sole))}");
    }

    private static async Task<Dictionary<string, SchemaType>> DevicePropertiesAsync(
        LineValue.Members given, ShellSession session, CancellationToken cancellationToken)
    {
        JsonValue? properties = given["driver"] is LineValue.Text { Value: var driver }
            ? await session.AskAsync("device-list-properties", cancellationToken, ("typename", new JsonString(driver))).ConfigureAwait(false)
            : null;
        return Types(properties);
    }

    private static async Task<Dictionary<string, SchemaType>?> ValueAsync(
        LineValue.Members given, ShellSession session, CancellationToken cancellationToken)
    {
        if (given["path"] is not LineValue.Text { Value: var path } || given["property"] is not LineValue.Text { Value: var property })
            return null;
        JsonValue? properties = await session.AskAsync("qom-list", cancellationToken, ("path", new JsonString(path))).ConfigureAwait(false);
        return Types(properties).TryGetValue(property, out SchemaType? type) ? new() { ["value"] = type } : null;
    }

    private static Dictionary<string, SchemaType> Types(JsonValue? properties) =>
        ((properties as JsonArray)?.Items ?? []).OfType<JsonObject>()
            .Where(property => property["name"] is JsonString && property["type"] is JsonString)
            .DistinctBy(property => ((JsonString)property["name"]!).Value)
            .ToDictionary(property => ((JsonString)property["name"]!).Value, property => OfQomType(((JsonString)property["type"]!).Value));
}
