namespace Hostmemd.Protocol.Wire;

/// <summary>The JSON value null.</summary>
public sealed class JsonNull : JsonValue
{
    public static readonly JsonNull Instance = new();

    private JsonNull() { }
}
