namespace Hostmemd.Protocol.Wire;

/// <summary>One JSON value as QMP knows it; immutable once parsed, safe on any thread.</summary>
public abstract class JsonValue
{
    private protected JsonValue() { }

    /// <summary>The value as the compact text that goes on the wire; for logs and tests.</summary>
    public sealed override string ToString() => JsonText.Of(this);
}
