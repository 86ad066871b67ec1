namespace Hostmemd.Usage;

/// <summary>
/// Memory of backends that were deleted, as others may still have it: the last <see cref="Limit"/>, until a scan shows that nobody does.
/// Safe on any thread.
/// </summary>
internal sealed class DeletedMemory
{
    public const int Limit = 1024;

    private readonly Lock _gate = new();
    private readonly LinkedList<DeletedBackend> _entries = [];

    /// <summary>What to look for, oldest first.</summary>
    public IReadOnlyList<DeletedBackend> Entries
    {
        get
        {
            lock (_gate)
                return [.. _entries];
        }
    }

    public void Add(DeletedBackend entry)
    {
        lock (_gate)
        {
            _entries.AddLast(entry);
            if (_entries.Count > Limit)
                _entries.RemoveFirst();
        }
    }

    /// <summary>Nobody has it any more.</summary>
    public void Forget(DeletedBackend entry)
    {
        lock (_gate)
            _entries.Remove(entry);
    }
}
