using System.Text.Json;

namespace Hostmemd.Daemon.Tests.Generated;

/// <summary>A kind of object and its members, read from the schema of QEMU 11.1.3.</summary>
internal sealed record ObjectKind(string Name, IReadOnlyList<KindMember> Members)
{
    /// <summary>The kinds that the requests are about, in this order.</summary>
    private static readonly string[] Names =
        ["memory-backend-ram", "memory-backend-memfd", "memory-backend-file", "memory-backend-shm", "iothread", "thread-context"];

    public bool IsMemory => Name.StartsWith("memory-backend-", StringComparison.Ordinal);

    public static IReadOnlyList<ObjectKind> Load()
    {
        using var schema = JsonDocument.Parse(
            File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "reference", "query-qmp-schema.json")));
        var entities = schema.RootElement.EnumerateArray().ToDictionary(entity => entity.GetProperty("name").GetString()!);
        var arguments = entities[entities["object-add"].GetProperty("arg-type").GetString()!];
        var variants = arguments.GetProperty("variants").EnumerateArray()
            .ToDictionary(variant => variant.GetProperty("case").GetString()!, variant => variant.GetProperty("type").GetString()!);
        return [.. Names.Select(name => new ObjectKind(
            name,
            [.. entities[variants[name]].GetProperty("members").EnumerateArray().Select(member => Read(entities, member))]))];
    }

    private static KindMember Read(Dictionary<string, JsonElement> entities, JsonElement member)
    {
        var type = entities[member.GetProperty("type").GetString()!];
        var shape = type.GetProperty("meta-type").GetString() switch
        {
            "enum" => MemberShape.Choice,
            "array" => MemberShape.Numbers,
            _ => type.GetProperty("json-type").GetString() switch
            {
                "boolean" => MemberShape.Flag,
                "string" => MemberShape.Text,
                _ => MemberShape.Number,
            },
        };
        string[] choices = shape == MemberShape.Choice
            ? [.. type.GetProperty("members").EnumerateArray().Select(word => word.GetProperty("name").GetString()!)]
            : [];
        return new KindMember(member.GetProperty("name").GetString()!, shape, member.TryGetProperty("default", out _), choices);
    }
}
