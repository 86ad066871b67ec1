namespace Hostmemd.Protocol.Session;

/// <summary>A session that takes up no more requests, so that another process can go on with it. Safe on any thread.</summary>
public sealed class SessionHold
{
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private byte[]? _unread;

    /// <summary>What has come of the next requests; null: reading does not stand between two requests yet.</summary>
    public byte[]? Unread => Volatile.Read(ref _unread);

    internal Task Released => _released.Task;

    internal void Stand(byte[] unread) => Volatile.Write(ref _unread, unread);

    internal void Release() => _released.TrySetResult();
}
