using Hostmemd.Guests;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Devices;

/// <summary>
/// Which address and DIMM slot each DIMM has, those that are only being plugged included. Pure bookkeeping; belongs to the guest's owner.
/// </summary>
internal sealed class DimmBay(Machine machine)
{
    private sealed record Occupant(string? Id, DimmPlace Place);

    private readonly SortedDictionary<ulong, Occupant> _byAddr = [];
    private readonly SortedSet<int> _freedSlots = [];
    private readonly HashSet<int> _usedSlots = [];
    private readonly HashSet<string> _names = [];
    private readonly Dictionary<string, string?> _leaving = [];
    private int _firstUnusedSlot;
    private ulong _used;

    /// <summary>Takes a device's name, or the next free one for a device without.</summary>
    /// <exception cref="QmpException">Another device has it.</exception>
    public string ClaimName(string? id)
    {
        if (id is not null)
            return _names.Add(id) ? id : throw DeviceErrors.DuplicateId(id);
        // No id looks like this: '[' is not allowed in one.
        var number = 0;
        while (!_names.Add($"device[{number}]"))
            number++;
        return $"device[{number}]";
    }

    public void ReleaseName(string name)
    {
        _names.Remove(name);
        _leaving.Remove(name);
    }

    /// <summary>Lets one client remove a device.</summary>
    /// <exception cref="QmpException">It is being removed, or was and stuck.</exception>
    public void BeginRemoval(string name)
    {
        if (!_leaving.TryAdd(name, null))
            throw _leaving[name] is { } error ? DeviceErrors.SlotStuck(name, error) : DeviceErrors.BeingUnplugged(name);
    }

    /// <summary>A device whose removal failed stays as it is: nobody knows what KVM has of it.</summary>
    public void MarkStuck(string name, string error) => _leaving[name] = error;

    /// <summary>Finds and takes a place. The checks are in QEMU's order.</summary>
    /// <param name="addr">0: the first gap that fits, from the bottom.</param>
    /// <param name="slot">-1: the lowest free one.</param>
    /// <param name="alignment">Of address and size; the backend's.</param>
    /// <exception cref="QmpException">There is no such place; nothing was taken.</exception>
    public DimmPlace Take(string? id, ulong addr, ulong size, int slot, ulong alignment)
    {
        CheckSlot(slot);
        if (size > machine.PluggableSize - Math.Min(_used, machine.PluggableSize))
            throw DeviceErrors.NotEnoughSpace(_used, machine.PluggableSize);
        if (size % alignment != 0)
            throw DeviceErrors.SizeMisaligned(alignment);
        var place = new DimmPlace(addr == 0 ? FirstGap(size, alignment) : CheckAddr(addr, size, alignment), size, slot < 0 ? LowestFreeSlot() : slot);
        _byAddr.Add(place.Addr, new Occupant(id, place));
        _usedSlots.Add(place.Slot);
        _freedSlots.Remove(place.Slot);
        for (; _firstUnusedSlot <= place.Slot; _firstUnusedSlot++)
            if (_firstUnusedSlot < place.Slot)
                _freedSlots.Add(_firstUnusedSlot);
        _used += size;
        return place;
    }

    public void Release(DimmPlace place)
    {
        _byAddr.Remove(place.Addr);
        _usedSlots.Remove(place.Slot);
        _freedSlots.Add(place.Slot);
        _used -= place.Size;
    }

    private void CheckSlot(int slot)
    {
        if (machine.DimmSlots == 0)
            throw DeviceErrors.NoSlots();
        if (slot < -1 || slot >= machine.DimmSlots)
            throw DeviceErrors.InvalidSlot(slot, machine.DimmSlots);
        if (slot >= 0 && _usedSlots.Contains(slot))
            throw DeviceErrors.SlotBusy(slot);
        if (slot < 0 && _usedSlots.Count >= machine.DimmSlots)
            throw DeviceErrors.NoFreeSlots();
    }

    private int LowestFreeSlot() => _freedSlots.Count > 0 ? _freedSlots.Min : _firstUnusedSlot;

    private ulong CheckAddr(ulong addr, ulong size, ulong alignment)
    {
        if (addr % alignment != 0)
            throw DeviceErrors.Misaligned(alignment);
        var (start, window) = (machine.DeviceMemoryBase, machine.DeviceMemoryWindow);
        if (addr < start || size > window || addr - start > window - size)
            throw DeviceErrors.OutOfRange(addr, size, start, window);
        foreach (var occupant in _byAddr.Values)
            if (occupant.Place.Addr < addr + size && addr < occupant.Place.Addr + occupant.Place.Size)
                throw DeviceErrors.Conflict(occupant.Id);
        return addr;
    }

    private ulong FirstGap(ulong size, ulong alignment)
    {
        var (start, window) = (machine.DeviceMemoryBase, machine.DeviceMemoryWindow);
        var candidate = AlignUp(start, alignment);
        foreach (var place in _byAddr.Values.Select(occupant => occupant.Place))
        {
            if (candidate + size <= place.Addr)
                break;
            candidate = Math.Max(candidate, AlignUp(place.Addr + place.Size, alignment));
        }
        return candidate - start <= window - size ? candidate : throw DeviceErrors.NoGap();
    }

    private static ulong AlignUp(ulong value, ulong unit) => checked(value + unit - 1) / unit * unit;
}
