namespace Hostmemd.Protocol.Wire;

/// <summary>Text that is JSON already, made by <see cref="JsonWriter"/>; written as it stands.</summary>
public sealed class JsonRaw(ReadOnlyMemory<byte> utf8) : JsonValue
{
    public ReadOnlyMemory<byte> Utf8 { get; } = utf8;
}
