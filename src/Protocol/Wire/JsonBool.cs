namespace Hostmemd.Protocol.Wire;

/// <summary>true or false.</summary>
public sealed class JsonBool : JsonValue
{
    public static readonly JsonBool True = new(true);
    public static readonly JsonBool False = new(false);

    private JsonBool(bool value) => Value = value;

    public bool Value { get; }

    public static JsonBool Of(bool value) => value ? True : False;
}
