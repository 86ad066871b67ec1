using System.Buffers;

namespace Hostmemd.Protocol.Session;

/// <summary>The one writer: takes what is filled and sends it, with what is attached.</summary>
internal sealed partial class Outbox
{
    private void Send()
    {
        lock (_gate)
        {
            if (_isSending || _corked || _closed || _filling.Length == 0)
                return;
            _isSending = true;
        }
        _ = SendAllAsync();
    }

    private async Task SendAllAsync()
    {
        try
        {
            while (TryTakeFilled())
            {
                var bytes = _sending.AsReadOnlySequence;
                var sent = 0L;
                while (TryTakeAttached(out var attached))
                    sent = await WriteAttachedAsync(bytes, sent, attached).ConfigureAwait(false);
                await WriteAsync(bytes.Slice(sent)).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            Dispose();
            lock (_gate)
                _attachments.DropSending();
        }
    }

    private async ValueTask WriteAsync(ReadOnlySequence<byte> bytes)
    {
        foreach (var segment in bytes)
        {
            var result = await output.WriteAsync(segment).ConfigureAwait(false);
            if (result.IsCompleted || result.IsCanceled)
                throw new IOException("the client is gone");
        }
    }

    private bool TryTakeAttached(out Attached attached)
    {
        lock (_gate)
            return _attachments.TryTake(out attached);
    }

    /// <summary>Writes up to a reply, and the reply's first bytes with its attachment.</summary>
    /// <returns>How much of the bytes is written.</returns>
    private async ValueTask<long> WriteAttachedAsync(ReadOnlySequence<byte> bytes, long written, Attached attached)
    {
        using (attached.Attachment)
        {
            await WriteAsync(bytes.Slice(written, attached.Offset - written)).ConfigureAwait(false);
            // Append put the reply down in one piece.
            var reply = bytes.Slice(attached.Offset, attached.Length).First;
            written = attached.Offset + await sendAttached!(reply, attached.Attachment).ConfigureAwait(false);
        }
        lock (_gate)
            _attachments.Taken();
        return written;
    }

    /// <summary>Swaps the two buffers, or ends the sending.</summary>
    private bool TryTakeFilled()
    {
        lock (_gate)
        {
            _sending.Reset();
            account.Remove(_sendingCost);
            _sendingCost = 0;
            AppendLost();
            if (_closed || _corked || _filling.Length == 0)
            {
                _isSending = false;
                Wake();
                return false;
            }
            (_sending, _filling) = (_filling, _sending);
            (_sendingCost, _fillingCost) = (_fillingCost, 0);
            _attachments.Swap();
            _standardBytes = 0;
            Wake();
            return true;
        }
    }

    private void Wake()
    {
        if (!MustWait)
            Interlocked.Exchange(ref _roomWaiter, null)?.TrySetResult();
        if (_closed || (!_isSending && _filling.Length == 0))
            Interlocked.Exchange(ref _emptyWaiter, null)?.TrySetResult();
    }
}
