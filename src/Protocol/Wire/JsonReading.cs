namespace Hostmemd.Protocol.Wire;

/// <summary>What a piece of input came to: a value, or the text of an error about input that was none.</summary>
public readonly record struct JsonReading(JsonValue? Value, string? Error)
{
    /// <summary>About how many bytes of memory the value takes.</summary>
    internal long Cost { get; init; }
}
