using System.Buffers;

namespace Hostmemd.Protocol.Wire;

/// <summary>A token's bytes, the quotes of a string included.</summary>
internal readonly ref struct JsonToken
{
    /// <summary>Bytes of a token that an error text shows; of a longer one it shows the beginning.</summary>
    private const int ShownBytes = 64 * 1024;

    private readonly ReadOnlySpan<byte> _small;
    private readonly ReadOnlySequence<byte> _large;

    /// <param name="small">Not kept by whoever gets the token.</param>
    public JsonToken(JsonTokenKind kind, ReadOnlySpan<byte> small)
    {
        (Kind, Length) = (kind, small.Length);
        _small = small;
    }

    /// <param name="large">The taker's own: nothing changes it any more.</param>
    public JsonToken(JsonTokenKind kind, ReadOnlySequence<byte> large) => (Kind, _large, Length) = (kind, large, large.Length);

    public JsonTokenKind Kind { get; }

    public long Length { get; }

    /// <summary>Its bytes can be kept as they are.</summary>
    public bool IsLarge => !_large.IsEmpty;

    public ReadOnlySequence<byte> Large => _large;

    /// <summary>All of it in one piece; a large one is copied.</summary>
    public ReadOnlySpan<byte> Span => IsLarge ? _large.ToArray() : _small;

    /// <summary>The token as C would print it, up to a NUL.</summary>
    public string Printable()
    {
        var bytes = IsLarge ? _large.Slice(0, Math.Min(Length, ShownBytes)).ToArray() : _small;
        var end = bytes.IndexOf((byte)0);
        var text = JsonStringDecoder.Printable(end < 0 ? bytes : bytes[..end]);
        return end < 0 && Length > bytes.Length ? text + "..." : text;
    }
}
