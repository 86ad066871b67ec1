namespace Hostmemd.Protocol.Wire;

/// <summary>A JSON array.</summary>
public sealed class JsonArray(IReadOnlyList<JsonValue> items) : JsonValue
{
    public IReadOnlyList<JsonValue> Items { get; } = items;
}
