using System.Buffers;

namespace Hostmemd.Protocol.Wire;

/// <summary>
/// The bytes of a token that comes in several pieces of input. Small ones share a buffer that is used again; of a large one each byte is put
/// down once and never moved, and who takes it owns it.
/// </summary>
internal sealed class TokenBuffer
{
    /// <summary>Bytes up to which a token is a small one.</summary>
    public const int SmallLimit = 64 * 1024;

    /// <summary>Kept for the next token while none is unfinished: a thousand clients have one each.</summary>
    private const int IdleLimit = 1024;

    private const int FirstSize = 256;

    private byte[] _small = [];
    private int _smallLength;
    private Piece? _first;
    private Piece? _last;

    public long Length => _last is null ? _smallLength : _last.RunningIndex + _last.Length;

    public void Append(ReadOnlySpan<byte> part)
    {
        if (_last is null && _smallLength + (long)part.Length > SmallLimit)
        {
            _first = _last = new Piece(null);
            var small = _small.AsSpan(0, _smallLength);
            _smallLength = 0;
            Append(small);
        }
        if (_last is not null)
        {
            while ((part = _last.Fill(part)).Length > 0)
                _last = new Piece(_last);
            return;
        }
        if (_small.Length < _smallLength + part.Length)
            Array.Resize(ref _small, Math.Max(FirstSize, Math.Max(_small.Length * 2, _smallLength + part.Length)));
        part.CopyTo(_small.AsSpan(_smallLength));
        _smallLength += part.Length;
    }

    /// <summary>The whole token; the buffer is empty afterwards.</summary>
    /// <returns>A small one is valid until the next <see cref="Append"/>.</returns>
    public JsonToken Take(JsonTokenKind kind)
    {
        var token = _first is not null
            ? new JsonToken(kind, new LargeBytes(new ReadOnlySequence<byte>(_first, 0, _last!, _last!.Length)))
            : new JsonToken(kind, _small.AsSpan(0, _smallLength));
        Clear();
        return token;
    }

    public void Clear()
    {
        _first = _last = null;
        _smallLength = 0;
    }

    /// <summary>Frees what it does not need while no token is unfinished.</summary>
    public void Trim()
    {
        if (Length == 0 && _small.Length > IdleLimit)
            _small = [];
    }

    /// <summary>A part of a large token; the garbage collector's when nobody has the token any more.</summary>
    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        private const int SmallestSize = 128 * 1024;
        private const int LargestSize = 1024 * 1024;

        private readonly byte[] _bytes;

        /// <summary>As large as all before it, so that what is not filled is never more than what is.</summary>
        public Piece(Piece? before)
        {
            RunningIndex = before is null ? 0 : before.RunningIndex + before.Length;
            _bytes = GC.AllocateUninitializedArray<byte>((int)Math.Clamp(RunningIndex, SmallestSize, LargestSize));
            Memory = _bytes;
            if (before is not null)
                before.Next = this;
        }

        public int Length { get; private set; }

        /// <returns>What found no room.</returns>
        public ReadOnlySpan<byte> Fill(ReadOnlySpan<byte> part)
        {
            var taken = Math.Min(part.Length, _bytes.Length - Length);
            part[..taken].CopyTo(_bytes.AsSpan(Length));
            Length += taken;
            return part[taken..];
        }
    }
}
