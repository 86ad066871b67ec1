using System.Diagnostics.CodeAnalysis;

namespace Hostmemd.Kvm;

/// <summary>
/// Which slot ids and which guest physical addresses are taken. Pure: no system call. Nothing in it is linear in the number of slots.
/// </summary>
/// <remarks>Not thread safe: the VM thread's. KVM allows 32,764 slots on x86, and refuses overlaps with EEXIST itself.</remarks>
public sealed class MemorySlotTable
{
    private readonly SortedSet<Entry> _byAddress = new(Comparer<Entry>.Create((a, b) => a.Gpa.CompareTo(b.Gpa)));
    private readonly Dictionary<uint, MemorySlot> _byId = [];
    private readonly HashSet<uint> _quarantined = [];
    // Every id below _unused is taken or in here, so the lowest free one is the least of these, else _unused.
    private readonly PriorityQueue<uint, uint> _freed = new();
    private uint _unused;

    public MemorySlotTable(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        Limit = limit;
    }

    /// <summary>How many slots there may be.</summary>
    public int Limit { get; }

    public int Count => _byId.Count;

    /// <summary>All slots by rising address; linear, for a listing.</summary>
    public IEnumerable<MemorySlot> Slots => _byAddress.Select(entry => entry.Slot!);

    /// <summary>Takes the lowest free id for a range that no slot overlaps.</summary>
    /// <exception cref="MemorySlotException">Empty or wrapping range, overlap, or no slot left. Nothing has changed.</exception>
    public MemorySlot Reserve(MemorySlotRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Size == 0 || !request.Gpa.TryAdd(request.Size - 1, out _))
            throw new MemorySlotException($"The range of {request.Size} bytes at {request.Gpa} is not one.");
        if (TryFindOverlap(request.Gpa, request.Size, out var other))
            throw new MemorySlotException($"The range of {request.Size} bytes at {request.Gpa} overlaps slot {other.Id} at {other.Gpa}.");
        if (Count >= Limit)
            throw new MemorySlotException($"All {Limit} memory slots are in use.");
        var slot = new MemorySlot(_freed.Count != 0 ? _freed.Dequeue() : _unused++, request);
        _byId.Add(slot.Id, slot);
        _byAddress.Add(new Entry(slot.Gpa.Value, slot));
        return slot;
    }

    /// <summary>Gives id and range back.</summary>
    /// <exception cref="KeyNotFoundException">No such slot.</exception>
    public void Release(uint id)
    {
        var slot = _byId[id];
        _byId.Remove(id);
        _quarantined.Remove(id);
        _byAddress.Remove(new Entry(slot.Gpa.Value, null));
        _freed.Enqueue(id, id);
    }

    /// <summary>Marks a slot whose state in the kernel is not known: it stays listed, its id and range are never given away.</summary>
    public void Quarantine(uint id) => _quarantined.Add(_byId[id].Id);

    public bool IsQuarantined(uint id) => _quarantined.Contains(id);

    public bool TryGet(uint id, [NotNullWhen(true)] out MemorySlot? slot) => _byId.TryGetValue(id, out slot);

    /// <summary>The slot that holds an address.</summary>
    public bool TryFind(GuestAddress gpa, [NotNullWhen(true)] out MemorySlot? slot) => TryFindOverlap(gpa, 1, out slot);

    /// <summary>
    /// The slot with the highest start that overlaps a range: slots do not overlap one another, so no other needs to be looked at.
    /// </summary>
    public bool TryFindOverlap(GuestAddress gpa, ulong size, [NotNullWhen(true)] out MemorySlot? slot)
    {
        slot = null;
        if (size == 0)
            return false;
        var last = gpa.TryAdd(size - 1, out var sum) ? sum.Value : ulong.MaxValue;
        var below = _byAddress.GetViewBetween(new Entry(0, null), new Entry(last, null)).Max.Slot;
        if (below is null || below.Last < gpa)
            return false;
        slot = below;
        return true;
    }

    /// <summary>A key of the set; without a slot it is only looked for.</summary>
    private readonly record struct Entry(ulong Gpa, MemorySlot? Slot);
}
