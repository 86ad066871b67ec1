using System.Buffers;

namespace Hostmemd.Protocol.Wire;

/// <summary>
/// One message as it goes on the wire: what is written here, and long text that nobody changes any more by reference. It is used for one
/// message after another. One owner, no locks.
/// </summary>
internal sealed class MessageBuffer : IBufferWriter<byte>
{
    /// <summary>Bytes from which text is passed on by reference; less is cheaper to copy than to send apart.</summary>
    public const int SharedFrom = 32 * 1024;

    private const int FirstSize = 512;

    /// <summary>Larger arrays die old: they go only with all of the heap.</summary>
    private const int LargestSize = 64 * 1024;

    private readonly List<ReadOnlyMemory<byte>> _pieces = [];
    private readonly List<byte[]> _rented = [];
    private byte[] _chunk = [];
    private int _start;
    private int _end;

    /// <summary>The message so far. Pieces of <see cref="SharedFrom"/> bytes and more never change again.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Pieces
    {
        get
        {
            Seal();
            return _pieces;
        }
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _chunk.AsMemory(_end);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _chunk.AsSpan(_end);
    }

    public void Advance(int count) => _end += count;

    /// <summary>Adds text without a copy.</summary>
    /// <param name="utf8">Not changed any more.</param>
    public void Share(ReadOnlyMemory<byte> utf8)
    {
        Seal();
        _pieces.Add(utf8);
    }

    /// <summary>Begins the next message, and keeps no memory of this one.</summary>
    public void Reset()
    {
        foreach (var rented in _rented)
            ArrayPool<byte>.Shared.Return(rented);
        _rented.Clear();
        _pieces.Clear();
        _chunk = [];
        _start = _end = 0;
    }

    private void Seal()
    {
        if (_end > _start)
            _pieces.Add(_chunk.AsMemory(_start.._end));
        _start = _end;
    }

    private void Ensure(int sizeHint)
    {
        if (_chunk.Length - _end < Math.Max(1, sizeHint))
            Grow(sizeHint);
    }

    private void Grow(int sizeHint)
    {
        var length = _end - _start;
        // What is not long yet stays in one piece.
        var kept = length < SharedFrom ? length : 0;
        var larger = Allocate(Math.Max(Math.Clamp(2 * length, FirstSize, LargestSize), kept + sizeHint));
        if (kept == 0)
            Seal();
        else
            _chunk.AsSpan(_start, kept).CopyTo(larger);
        (_chunk, _start, _end) = (larger, 0, kept);
    }

    /// <summary>A chunk that can hold a long piece may be passed on, so it is never used again.</summary>
    private byte[] Allocate(int size)
    {
        if (size >= SharedFrom)
            return GC.AllocateUninitializedArray<byte>(size);
        var rented = ArrayPool<byte>.Shared.Rent(size);
        _rented.Add(rented);
        return rented;
    }
}
