namespace Hostmemd.Protocol.Wire;

/// <summary>A string; U+0000 is allowed, lone surrogates and non-characters never get in.</summary>
public sealed class JsonString(string value) : JsonValue
{
    public string Value { get; } = value;
}
