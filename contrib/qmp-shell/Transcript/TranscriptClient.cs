using System.Buffers;
using System.Net.Sockets;
using System.Threading.Channels;
using Hostmemd.QmpShell.Native;

namespace Hostmemd.QmpShell.Transcript;

/// <summary>
/// One connection of a transcript. It reads all the time, so that a server that answers while we send never waits for us.
/// </summary>
internal sealed class TranscriptClient : IDisposable
{
    private const int ChunkSize = 64 * 1024;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(5);

    private readonly Socket _socket;
    private readonly CancellationTokenSource _closing = new();
    private readonly ArrayBufferWriter<byte> _line = new();
    private readonly Channel<TranscriptMessage> _messages = Channel.CreateUnbounded<TranscriptMessage>();

    private TranscriptClient(Socket socket, int number)
    {
        _socket = socket;
        Number = number;
    }

    public int Number { get; }

    /// <summary>Events that may come at any time from now on, and must come before the end.</summary>
    public List<TranscriptStep> PendingEvents { get; } = [];

    /// <summary>Whether every message was taken and no other can follow.</summary>
    public bool IsAtEnd => _messages.Reader.Completion.IsCompleted;

    /// <summary>Takes over the socket and starts to read.</summary>
    public static TranscriptClient Start(Socket socket, int number)
    {
        var client = new TranscriptClient(socket, number);
        // It answers through the channel, failures included, and ends with the socket.
        _ = client.ReadLinesAsync();
        return client;
    }

    /// <summary>The next message, or null when none comes in time or at all.</summary>
    public async Task<TranscriptMessage?> NextAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (_messages.Reader.TryRead(out TranscriptMessage? message))
            return message;

        using CancellationTokenSource limit = Limit(timeout, cancellationToken);
        try
        {
            bool readable = await _messages.Reader.WaitToReadAsync(limit.Token).ConfigureAwait(false);
            return readable && _messages.Reader.TryRead(out message) ? message : null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <param name="bytes">What is sent, as it stands.</param>
    /// <param name="timeout">How long the server may take nothing.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="TranscriptMismatch">The server took nothing for so long, or closed the connection.</exception>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes, TimeSpan timeout, CancellationToken cancellationToken)
    {
        while (!bytes.IsEmpty)
        {
            ReadOnlyMemory<byte> chunk = bytes[..Math.Min(bytes.Length, ChunkSize)];
            int sent = await SendSomeAsync(token => _socket.SendAsync(chunk, token), timeout, cancellationToken).ConfigureAwait(false);
            bytes = bytes[sent..];
        }
    }

    /// <summary>Sends bytes with a fresh memfd attached to the first of them.</summary>
    /// <inheritdoc cref="SendAsync"/>
    public async Task SendWithMemfdAsync(ReadOnlyMemory<byte> bytes, TimeSpan timeout, CancellationToken cancellationToken)
    {
        int sent = await SendSomeAsync(SendMemfdAsync, timeout, cancellationToken).ConfigureAwait(false);
        await SendAsync(bytes[sent..], timeout, cancellationToken).ConfigureAwait(false);

        async ValueTask<int> SendMemfdAsync(CancellationToken token)
        {
            int count;
            while ((count = Memfd.Send(_socket, bytes.Span)) == 0)
                await Task.Delay(RetryDelay, token).ConfigureAwait(false);
            return count;
        }
    }

    public void Dispose()
    {
        _closing.Cancel();
        _socket.Dispose();
        _closing.Dispose();
    }

    private static async Task<int> SendSomeAsync(
        Func<CancellationToken, ValueTask<int>> send, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = Limit(timeout, cancellationToken);
        try
        {
            return await send(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TranscriptMismatch($"the server did not take the input within {timeout.TotalSeconds} s");
        }
        catch (SocketException)
        {
            throw new TranscriptMismatch("the server closed the connection while we were sending");
        }
    }

    private static CancellationTokenSource Limit(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);
        return limit;
    }

    private async Task ReadLinesAsync()
    {
        byte[] chunk = new byte[ChunkSize];
        CancellationToken closing = _closing.Token;
        Exception? failure = null;
        try
        {
            int count;
            while ((count = await _socket.ReceiveAsync(chunk, closing).ConfigureAwait(false)) > 0)
                AddLines(chunk.AsSpan(0, count));
        }
        catch (Exception e)
        {
            // A reset connection is an end like any other; a cancelled read is our own close.
            failure = e is SocketException or OperationCanceledException or ObjectDisposedException ? null : e;
        }

        _messages.Writer.Complete(failure);
    }

    private void AddLines(ReadOnlySpan<byte> data)
    {
        int end;
        while ((end = data.IndexOf((byte)'\n')) >= 0)
        {
            _line.Write(data[..(end + 1)]);
            if (_line.WrittenSpan.ContainsAnyExcept(" \t\r\n"u8))
                _messages.Writer.TryWrite(new TranscriptMessage(_line.WrittenSpan.ToArray()));
            _line.ResetWrittenCount();
            data = data[(end + 1)..];
        }

        _line.Write(data);
    }
}
