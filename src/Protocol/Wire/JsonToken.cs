using System.Buffers;

namespace Hostmemd.Protocol.Wire;

/// <summary>A token's bytes, the quotes of a string included.</summary>
internal readonly ref struct JsonToken
{
    /// <summary>Bytes of a token that an error text shows; of a longer one it shows the beginning.</summary>
    private const int ShownBytes = 64 * 1024;

    private readonly ReadOnlySpan<byte> _small;
    private readonly LargeBytes? _large;

    /// <param name="small">Not kept by whoever gets the token.</param>
    public JsonToken(JsonTokenKind kind, ReadOnlySpan<byte> small, bool isPlain = false)
    {
        (Kind, IsPlain) = (kind, isPlain);
        _small = small;
    }

    /// <param name="large">The taker's own.</param>
    public JsonToken(JsonTokenKind kind, LargeBytes large) => (Kind, _large) = (kind, large);

    public JsonTokenKind Kind { get; }

    /// <summary>A string known to be printable ASCII without escapes; false: nobody has looked.</summary>
    public bool IsPlain { get; }

    public long Length => _large?.Bytes.Length ?? _small.Length;

    /// <summary>Bytes that can be kept as they are; null: it is a small one.</summary>
    public LargeBytes? Large => _large;

    /// <summary>All of it in one piece; a large one is copied.</summary>
    public ReadOnlySpan<byte> Span => _large is null ? _small : _large.Bytes.ToArray();

    /// <summary>The token as C would print it, up to a NUL.</summary>
    public string Printable()
    {
        var bytes = _large is null ? _small : _large.Bytes.Slice(0, Math.Min(Length, ShownBytes)).ToArray();
        var end = bytes.IndexOf((byte)0);
        var text = JsonStringDecoder.Printable(end < 0 ? bytes : bytes[..end]);
        return end < 0 && Length > bytes.Length ? text + "..." : text;
    }
}
