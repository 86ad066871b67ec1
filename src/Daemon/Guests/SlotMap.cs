using System.Collections.Immutable;
using Hostmemd.Kvm;

namespace Hostmemd.Guests;

/// <summary>The published memory slots by guest physical address; never changes. Finding one takes no look at all of them.</summary>
internal sealed class SlotMap
{
    private readonly ImmutableSortedSet<(ulong Addr, PublishedSlot? Slot)> _slots;

    private SlotMap(ImmutableSortedSet<(ulong Addr, PublishedSlot? Slot)> slots) => _slots = slots;

    public static SlotMap Empty { get; } = new(ImmutableSortedSet<(ulong Addr, PublishedSlot? Slot)>.Empty.WithComparer(new ByAddr()));

    public int Count => _slots.Count;

    /// <summary>All of them, by rising address.</summary>
    public IEnumerable<PublishedSlot> All => _slots.Select(entry => entry.Slot!);

    /// <summary>The slot that begins there.</summary>
    public PublishedSlot? this[ulong addr] => _slots.TryGetValue((addr, null), out var entry) ? entry.Slot : null;

    public SlotMap Add(PublishedSlot slot) => new(_slots.Add((slot.Slot.Gpa.Value, slot)));

    public SlotMap Remove(ulong addr) => new(_slots.Remove((addr, null)));

    /// <summary>The slot that holds an address.</summary>
    public MemorySlot? Holding(GuestAddress gpa) => EndingBehind(gpa.Value).FirstOrDefault()?.Slot is { } slot && slot.Gpa <= gpa ? slot : null;

    /// <summary>By rising address, those of which a part lies in a range; one that runs past the end of the address space ends there.</summary>
    public IEnumerable<PublishedSlot> Overlapping(ulong addr, ulong size) =>
        EndingBehind(addr).TakeWhile(slot => size > ulong.MaxValue - addr || slot.Slot.Gpa.Value < addr + size);

    /// <summary>By rising address, all slots that hold the address or begin behind it.</summary>
    public IEnumerable<PublishedSlot> EndingBehind(ulong addr)
    {
        // Where it would go; the one before may reach over it.
        var found = _slots.IndexOf((addr, null));
        var first = found >= 0 ? found : ~found;
        if (first > 0 && _slots[first - 1].Slot!.Slot.Last.Value >= addr)
            first--;
        for (var at = first; at < _slots.Count; at++)
            yield return _slots[at].Slot!;
    }

    private sealed class ByAddr : IComparer<(ulong Addr, PublishedSlot? Slot)>
    {
        public int Compare((ulong Addr, PublishedSlot? Slot) x, (ulong Addr, PublishedSlot? Slot) y) => x.Addr.CompareTo(y.Addr);
    }
}
