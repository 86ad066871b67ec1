using Hostmemd.Kvm;

namespace Hostmemd.Guests;

/// <summary>The published memory slots by guest physical address; never changes. Finding one takes no look at all of them.</summary>
internal sealed class SlotMap
{
    private readonly SortedMap<ulong, PublishedSlot> _slots;

    private SlotMap(SortedMap<ulong, PublishedSlot> slots) => _slots = slots;

    public static SlotMap Empty => new(SortedMap<ulong, PublishedSlot>.Empty(Comparer<ulong>.Default));

    public int Count => _slots.Count;

    /// <summary>All of them, by rising address.</summary>
    public IEnumerable<PublishedSlot> All => _slots.Values;

    /// <summary>The slot that begins there.</summary>
    public PublishedSlot? this[ulong addr] => _slots.GetValueOrDefault(addr);

    public SlotMap Add(PublishedSlot slot) => new(_slots.Add(slot.Slot.Gpa.Value, slot));

    public SlotMap Remove(ulong addr) => new(_slots.Remove(addr));

    /// <summary>The slot that holds an address.</summary>
    public MemorySlot? Holding(GuestAddress gpa) => EndingBehind(gpa.Value).FirstOrDefault()?.Slot is { } slot && slot.Gpa <= gpa ? slot : null;

    /// <summary>By rising address, those of which a part lies in a range; one that runs past the end of the address space ends there.</summary>
    public IEnumerable<PublishedSlot> Overlapping(ulong addr, ulong size) =>
        EndingBehind(addr).TakeWhile(slot => size > ulong.MaxValue - addr || slot.Slot.Gpa.Value < addr + size);

    /// <summary>By rising address, all slots that hold the address or begin behind it.</summary>
    public IEnumerable<PublishedSlot> EndingBehind(ulong addr) => _slots.FromLastUpTo(addr).SkipWhile(slot => slot.Slot.Last.Value < addr);
}
