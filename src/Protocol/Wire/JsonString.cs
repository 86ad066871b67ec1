using System.Buffers;
using System.Text;

namespace Hostmemd.Protocol.Wire;

/// <summary>A string; U+0000 is allowed, lone surrogates and non-characters never get in.</summary>
public sealed class JsonString : JsonValue
{
    private readonly LargeBytes? _plain;
    private string? _value;

    public JsonString(string value) => _value = value;

    /// <summary>A long string that is text on the wire as it stands: it is echoed without being looked at again.</summary>
    /// <param name="plain">Printable ASCII without quotes and backslashes; not changed any more.</param>
    internal JsonString(in ReadOnlySequence<byte> plain) => _plain = new LargeBytes(plain);

    public string Value => _value ??= Encoding.ASCII.GetString(Plain);

    /// <summary>What stands between the quotes on the wire; empty where that is to be made from <see cref="Value"/>.</summary>
    internal ReadOnlySequence<byte> Plain => _plain?.Bytes ?? default;
}
