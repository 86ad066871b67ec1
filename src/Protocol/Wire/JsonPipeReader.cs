using System.Buffers;
using System.IO.Pipelines;

namespace Hostmemd.Protocol.Wire;

/// <summary>Reads JSON values off a pipe, one at a time. One owner.</summary>
internal sealed class JsonPipeReader(PipeReader input)
{
    private readonly JsonReader _reader = new();
    private ReadOnlySequence<byte> _rest;
    private bool _holdsBuffer;
    private bool _ended;

    /// <summary>Bytes read: up to the end of the last value.</summary>
    public long Position { get; private set; }

    /// <summary>The next value or error among the bytes that are here.</summary>
    public bool TryRead(out JsonReading reading)
    {
        while (!_rest.IsEmpty)
        {
            var made = _reader.TryRead(_rest.FirstSpan, out var used, out reading);
            _rest = _rest.Slice(used);
            Position += used;
            if (made)
                return true;
        }
        reading = default;
        return false;
    }

    /// <summary>Waits for more bytes, once <see cref="TryRead"/> found no more values.</summary>
    /// <returns>false: the other side has ended, or reading was cancelled.</returns>
    public async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        if (_holdsBuffer)
            input.AdvanceTo(_rest.End);
        _holdsBuffer = false;
        if (_ended)
            return false;
        var result = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
        _rest = result.Buffer;
        _holdsBuffer = true;
        // What is left behind the last whole value at the end never becomes one.
        _ended = result.IsCompleted;
        return !result.IsCanceled && !(_ended && _rest.IsEmpty);
    }
}
