using System.Text;
using System.Threading.Channels;

namespace Hostmemd.QmpShell.Editing;

/// <summary>Makes keys of a terminal's bytes: UTF-8, control characters, and the escape sequences of ECMA-48 terminals.</summary>
internal sealed class KeyReader
{
    private const byte EscapeByte = 0x1B;

    /// <summary>How long the rest of a sequence may take; after that Escape was pressed alone.</summary>
    private static readonly TimeSpan SequenceGap = TimeSpan.FromMilliseconds(40);

    private readonly Channel<byte> _bytes = Channel.CreateUnbounded<byte>(new UnboundedChannelOptions { SingleReader = true });

    /// <param name="input">Read on a thread of its own, to its end: a read of a terminal cannot be given up.</param>
    public KeyReader(Stream input) => new Thread(() => Read(input)) { IsBackground = true, Name = "keys" }.Start();

    /// <returns>null at the end of the input.</returns>
    public async ValueTask<Key?> ReadAsync(CancellationToken cancellationToken)
    {
        if (await NextAsync(cancellationToken).ConfigureAwait(false) is not { } first)
            return null;
        return first switch
        {
            (byte)'\r' or (byte)'\n' => new Key(KeyName.Enter),
            (byte)'\t' => new Key(KeyName.Tab),
            0x7F or 0x08 => new Key(KeyName.Backspace),
            EscapeByte => await EscapeAsync(cancellationToken).ConfigureAwait(false),
            < 0x20 => new Key(KeyName.Control, ((char)(first | 0x60)).ToString()),
            _ => new Key(KeyName.Text, await CharacterAsync(first, cancellationToken).ConfigureAwait(false)),
        };
    }

    private async ValueTask<Key> EscapeAsync(CancellationToken cancellationToken)
    {
        if (await SoonAsync(cancellationToken).ConfigureAwait(false) is not { } second)
            return new Key(KeyName.Escape);
        if (second is (byte)'[' or (byte)'O')
            return await SequenceAsync(cancellationToken).ConfigureAwait(false);
        if (second is 0x7F or 0x08)
            return new Key(KeyName.Meta, "\x7F");
        return second < 0x20 || second == EscapeByte
            ? new Key(KeyName.Escape)
            : new Key(KeyName.Meta, (await CharacterAsync(second, cancellationToken).ConfigureAwait(false)).ToLowerInvariant());
    }

    /// <summary>Parameters, then one final byte.</summary>
    private async ValueTask<Key> SequenceAsync(CancellationToken cancellationToken)
    {
        var parameters = new StringBuilder();
        while (await SoonAsync(cancellationToken).ConfigureAwait(false) is { } b)
        {
            if (b < 0x40)
            {
                parameters.Append((char)b);
                continue;
            }

            bool hasModifier = parameters.ToString() is [.., ';', '5' or '3'];
            return new Key((char)b switch
            {
                'A' => KeyName.Up,
                'B' => KeyName.Down,
                'C' => hasModifier ? KeyName.WordRight : KeyName.Right,
                'D' => hasModifier ? KeyName.WordLeft : KeyName.Left,
                'H' => KeyName.Home,
                'F' => KeyName.End,
                '~' => parameters.ToString().Split(';')[0] switch { "1" or "7" => KeyName.Home, "4" or "8" => KeyName.End, "3" => KeyName.Delete, _ => KeyName.Other },
                _ => KeyName.Other,
            });
        }

        return new Key(KeyName.Other);
    }

    private async ValueTask<string> CharacterAsync(byte first, CancellationToken cancellationToken)
    {
        int length = first switch { >= 0xF0 => 4, >= 0xE0 => 3, >= 0xC0 => 2, _ => 1 };
        byte[] bytes = new byte[length];
        bytes[0] = first;
        for (int i = 1; i < length; i++)
            bytes[i] = await NextAsync(cancellationToken).ConfigureAwait(false) ?? 0;
        return Encoding.UTF8.GetString(bytes);
    }

    private async ValueTask<byte?> SoonAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(SequenceGap);
        try
        {
            return await NextAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private async ValueTask<byte?> NextAsync(CancellationToken cancellationToken) =>
        _bytes.Reader.TryRead(out byte b) || (await _bytes.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false) && _bytes.Reader.TryRead(out b))
            ? b
            : null;

    private void Read(Stream input)
    {
        byte[] buffer = new byte[1024];
        try
        {
            while (input.Read(buffer) is var count and > 0)
                foreach (byte b in buffer.AsSpan(0, count))
                    _bytes.Writer.TryWrite(b);
        }
        catch (IOException)
        {
            // The terminal hung up: an end of input.
        }

        _bytes.Writer.Complete();
    }
}
