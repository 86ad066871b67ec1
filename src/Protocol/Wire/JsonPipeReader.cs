using System.Buffers;
using System.IO.Pipelines;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Protocol.Wire;

/// <summary>Reads JSON values off a pipe, one at a time. One owner.</summary>
/// <param name="account">Holds what the values take: of an unfinished one, and of each one read until its reader removes it; null: nobody counts.</param>
internal sealed class JsonPipeReader(PipeReader input, InputAccount? account = null)
{
    private readonly JsonReader _reader = new();
    private long _held;
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
            if (TryHold(made ? reading.Cost : _reader.Held))
            {
                if (!made)
                    continue;
                // Its reader's from here on.
                _held = 0;
                return true;
            }
            account?.Remove(_held);
            _held = 0;
            reading = made ? new JsonReading(null, ProtocolErrors.TooMuchInput) : _reader.Refuse(ProtocolErrors.TooMuchInput);
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

    /// <summary>Accounts for what the value takes that is being read.</summary>
    private bool TryHold(long bytes)
    {
        if (bytes > _held && account?.TryAdd(bytes - _held) == false)
            return false;
        if (bytes < _held)
            account?.Remove(_held - bytes);
        _held = bytes;
        return true;
    }
}
