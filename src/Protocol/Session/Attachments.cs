namespace Hostmemd.Protocol.Session;

/// <summary>
/// What leaves beside the bytes of one client, each with the first byte of its reply. Under the outbox's lock. It owns what it is given and
/// disposes what is never sent; what <see cref="TryTake"/> gave is its taker's.
/// </summary>
internal sealed class Attachments
{
    /// <summary>So many may wait; then the session stops reading. Commands that are queued already may add one each.</summary>
    private const int Limit = 16;

    private IDisposable? _next;
    private Queue<Attached> _filling = new();
    private Queue<Attached> _sending = new();
    private int _count;

    public bool IsFull => _count >= Limit;

    /// <summary>For the reply of the in-band command that runs.</summary>
    public void Add(IDisposable attachment)
    {
        _next?.Dispose();
        _next = attachment;
    }

    /// <summary>The running command's reply: what was added goes with it.</summary>
    /// <param name="offset">Where it begins in what waits.</param>
    public void Bind(long offset, int length)
    {
        if (_next is null)
            return;
        _filling.Enqueue(new Attached(offset, length, _next));
        _count++;
        _next = null;
    }

    /// <summary>The running command's reply took none.</summary>
    public void DropNext()
    {
        _next?.Dispose();
        _next = null;
    }

    /// <summary>What waited is being sent.</summary>
    public void Swap() => (_sending, _filling) = (_filling, _sending);

    /// <summary>The next one of what is being sent; it counts until <see cref="Taken"/>.</summary>
    public bool TryTake(out Attached attached) => _sending.TryDequeue(out attached);

    public void Taken() => _count--;

    /// <summary>The client is gone: drops what waits and what the running command has.</summary>
    public void DropWaiting()
    {
        DropNext();
        Drop(_filling);
    }

    /// <summary>The same for what was being sent; by its writer alone.</summary>
    public void DropSending() => Drop(_sending);

    private void Drop(Queue<Attached> dropped)
    {
        while (dropped.TryDequeue(out var attached))
        {
            attached.Attachment.Dispose();
            _count--;
        }
    }
}
