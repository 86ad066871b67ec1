using System.Buffers;
using System.IO.Pipelines;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Protocol.Wire;

/// <summary>Reads JSON values off a pipe, one at a time. One owner.</summary>
/// <param name="account">Holds what the values take: of an unfinished one, and of each one read until its reader removes it; null: nobody counts.</param>
internal sealed class JsonPipeReader(PipeReader input, InputAccount? account = null)
{
    /// <summary>Bytes of an unfinished value that are kept as they came, so that another process can begin with it again.</summary>
    private const int UnfinishedLimit = 16 * 1024;

    private readonly JsonReader _reader = new();
    private ArrayBufferWriter<byte>? _unfinished;
    private bool _cannotBegin;
    private long _held;
    private ReadOnlySequence<byte> _rest;
    private bool _holdsBuffer;
    private bool _ended;

    /// <inheritdoc cref="JsonReader.Without"/>
    public string? Without
    {
        get => _reader.Without;
        set => _reader.Without = value;
    }

    /// <summary>Bytes read: up to the end of the last value.</summary>
    public long Position { get; private set; }

    /// <summary>The next value or error among the bytes that are here.</summary>
    public bool TryRead(out JsonReading reading)
    {
        while (!_rest.IsEmpty)
        {
            var piece = _rest.FirstSpan;
            var made = _reader.TryRead(piece, out var used, out reading);
            Keep(made ? [] : piece[..used]);
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
            Keep([]);
            return true;
        }
        reading = default;
        return false;
    }

    /// <summary>Waits for more bytes, once <see cref="TryRead"/> found no more values.</summary>
    /// <returns>false: the other side has ended. true with nothing new: reading was cancelled.</returns>
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
        return !(_ended && _rest.IsEmpty);
    }

    /// <summary>
    /// All that has come behind the last whole value, for another process to begin with. Nothing is taken: reading can go on. While nobody
    /// writes into the pipe.
    /// </summary>
    /// <returns>false: an unfinished value is too long for that, or a bad one is being skipped.</returns>
    public bool TryCopyUnread(out byte[] unread)
    {
        if (_holdsBuffer)
            input.AdvanceTo(_rest.Start, _rest.Start);
        (_rest, _holdsBuffer) = (default, false);
        if (input.TryRead(out var result))
        {
            (_rest, _holdsBuffer) = (result.Buffer, true);
            _ended = result.IsCompleted;
        }
        unread = [.. _unfinished is null ? [] : _unfinished.WrittenSpan, .. _rest.ToArray()];
        return !_cannotBegin;
    }

    /// <summary>Keeps a piece of an unfinished value; nothing: there was a value or an error.</summary>
    private void Keep(ReadOnlySpan<byte> piece)
    {
        if (piece.IsEmpty || _reader.IsBetweenValues)
        {
            // What is left of a bad value is skipped: to a reader that begins there it would be another one.
            (_unfinished, _cannotBegin) = (null, !_reader.IsBetweenValues);
            return;
        }
        _cannotBegin |= (_unfinished?.WrittenCount ?? 0) + piece.Length > UnfinishedLimit;
        if (_cannotBegin)
            _unfinished = null;
        else
            (_unfinished ??= new ArrayBufferWriter<byte>(piece.Length)).Write(piece);
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
