using System.Diagnostics.CodeAnalysis;

namespace Hostmemd.Kvm;

/// <summary>
/// Which slot ids and which guest physical addresses are taken. Pure: no system call. Nothing in it is linear in the number of slots.
/// </summary>
/// <remarks>Not thread safe: the VM thread's. KVM allows 32,764 slots on x86, and refuses overlaps with EEXIST itself.</remarks>
public sealed class MemorySlotTable
{
    private readonly RangeMap<MemorySlot> _byAddress = new();
    private readonly Dictionary<uint, MemorySlot> _byId = [];
    private readonly HashSet<uint> _quarantined = [];
    private readonly NumberPool _ids = new();

    public MemorySlotTable(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        Limit = limit;
    }

    /// <summary>How many slots there may be.</summary>
    public int Limit { get; }

    public int Count => _byId.Count;

    /// <summary>All slots by rising address; linear, for a listing.</summary>
    public IEnumerable<MemorySlot> Slots => _byAddress.Values;

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
        var slot = new MemorySlot((uint)_ids.Take(), request);
        _byId.Add(slot.Id, slot);
        _byAddress.Add(slot.Gpa.Value, slot.Size, slot);
        return slot;
    }

    /// <summary>Gives id and range back.</summary>
    /// <exception cref="KeyNotFoundException">No such slot.</exception>
    public void Release(uint id)
    {
        var slot = _byId[id];
        _byId.Remove(id);
        _quarantined.Remove(id);
        _byAddress.Remove(slot.Gpa.Value);
        _ids.Release((int)id);
    }

    /// <summary>Marks a slot whose state in the kernel is not known: it stays listed, its id and range are never given away.</summary>
    public void Quarantine(uint id) => _quarantined.Add(_byId[id].Id);

    public bool IsQuarantined(uint id) => _quarantined.Contains(id);

    public bool TryGet(uint id, [NotNullWhen(true)] out MemorySlot? slot) => _byId.TryGetValue(id, out slot);

    /// <summary>The slot that holds an address.</summary>
    public bool TryFind(GuestAddress gpa, [NotNullWhen(true)] out MemorySlot? slot) => TryFindOverlap(gpa, 1, out slot);

    /// <summary>The lowest slot that overlaps a range.</summary>
    public bool TryFindOverlap(GuestAddress gpa, ulong size, [NotNullWhen(true)] out MemorySlot? slot) =>
        _byAddress.TryFindOverlap(gpa.Value, size, out slot);
}
