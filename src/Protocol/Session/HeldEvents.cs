namespace Hostmemd.Protocol.Session;

/// <summary>Events that wait behind a pinned generation. Under the outbox's lock.</summary>
/// <param name="limit">Bytes: events on request are not kept beyond it, standard ones of more are more than the client may leave lying.</param>
internal sealed class HeldEvents(long limit)
{
    private List<EventMessage> _events = [];
    private long _bytes;
    private long _standardBytes;

    public bool IsTooMany => _standardBytes > limit;

    /// <returns>false: dropped, as there is no room for events on request.</returns>
    public bool TryAdd(EventMessage message)
    {
        if (message.Declaration.OnRequest && _bytes > limit)
            return false;
        _events.Add(message);
        _bytes += message.Utf8.Length;
        if (!message.Declaration.OnRequest)
            _standardBytes += message.Utf8.Length;
        return true;
    }

    /// <summary>The events in their order; none are held any more.</summary>
    public IReadOnlyList<EventMessage> TakeAll()
    {
        if (_events.Count == 0)
            return [];
        var taken = _events;
        _events = [];
        _bytes = _standardBytes = 0;
        return taken;
    }
}
