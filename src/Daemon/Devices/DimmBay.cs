using System.Collections.Concurrent;
using System.Globalization;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Devices;

/// <summary>
/// Which name, address and DIMM slot each DIMM has, those that are only being plugged included. Pure bookkeeping; belongs to the guest's owner,
/// but for <see cref="Find"/>. Nothing in it is linear in the number of DIMMs.
/// </summary>
internal sealed class DimmBay(Machine machine)
{
    private sealed record Occupant(string? Id);

    private readonly RangeMap<Occupant> _byAddr = new();
    private readonly NumberPool _slots = new();

    /// <summary>By the last component of the QOM path; null while the device is only being plugged.</summary>
    private readonly ConcurrentDictionary<string, Dimm?> _names = new();

    private readonly Dictionary<string, string?> _leaving = [];
    private ulong _used;
    private ulong _nameless;

    public int Count => _byAddr.Count;

    /// <summary>Takes a device's name; for a device without, one that none had before, as QEMU numbers them.</summary>
    /// <exception cref="QmpException">Another device has it.</exception>
    public string ClaimName(string? id)
    {
        if (id is not null)
            return id != QomNode.TypeProperty && _names.TryAdd(id, null) ? id : throw DeviceErrors.DuplicateId(id);
        while (true)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"device[{_nameless++}]");
            // A predecessor's may be there.
            if (_names.TryAdd(name, null))
                return name;
        }
    }

    public void ReleaseName(string name)
    {
        _leaving.Remove(name);
        _names.TryRemove(name, out _);
    }

    /// <summary>From now on a device is found by its name, in states that have it.</summary>
    public void Publish(Dimm dimm) => _names[dimm.Name] = dimm;

    /// <summary>
    /// The device of that name in a published state; null: there is none, or it has gone since. Any thread. Names are not part of the state: of
    /// all that a plug changes they would cost most.
    /// </summary>
    public Dimm? Find(string name, GuestState state) =>
        _names.GetValueOrDefault(name) is { } dimm && ReferenceEquals(state.Dimms.GetValueOrDefault(dimm.Place.Addr), dimm) ? dimm : null;

    /// <summary>Lets one client remove a device.</summary>
    /// <exception cref="QmpException">It is being removed, or was and stuck.</exception>
    public void BeginRemoval(string name)
    {
        if (!_leaving.TryAdd(name, null))
            throw _leaving[name] is { } error ? DeviceErrors.SlotStuck(name, error) : DeviceErrors.BeingUnplugged(name);
    }

    /// <summary>A device whose removal failed stays as it is: nobody knows what KVM has of it.</summary>
    public void MarkStuck(string name, string error) => _leaving[name] = error;

    /// <summary>Whether there is that DIMM slot, or one at all.</summary>
    /// <param name="slot">-1: any.</param>
    /// <exception cref="QmpException">There is not.</exception>
    public void CheckSlot(int slot)
    {
        if (machine.DimmSlots == 0)
            throw DeviceErrors.NoSlots();
        if (slot < -1 || slot >= machine.DimmSlots)
            throw DeviceErrors.InvalidSlot(slot, machine.DimmSlots);
        if (slot >= 0 && _slots.IsTaken(slot))
            throw DeviceErrors.SlotBusy(slot);
        if (slot < 0 && _slots.Count >= machine.DimmSlots)
            throw DeviceErrors.NoFreeSlots();
    }

    /// <summary>Finds and takes a place. The checks are in QEMU's order.</summary>
    /// <param name="addr">0: the first gap that fits, from the bottom.</param>
    /// <param name="slot">As <see cref="CheckSlot"/> has found it; -1: the lowest free one.</param>
    /// <param name="alignment">Of address and size; the backend's.</param>
    /// <exception cref="QmpException">There is no such place; nothing was taken.</exception>
    public DimmPlace Take(string? id, ulong addr, ulong size, int slot, ulong alignment)
    {
        if (size > machine.PluggableSize - Math.Min(_used, machine.PluggableSize))
            throw DeviceErrors.NotEnoughSpace(_used, machine.PluggableSize);
        if (size % alignment != 0)
            throw DeviceErrors.SizeMisaligned(alignment);
        var found = addr == 0 ? FirstGap(size, alignment) : CheckAddr(addr, size, alignment);
        _byAddr.Add(found, size, new Occupant(id));
        _used += size;
        if (slot < 0)
            return new DimmPlace(found, size, _slots.Take());
        _slots.TryTake(slot);
        return new DimmPlace(found, size, slot);
    }

    public void Release(DimmPlace place)
    {
        _byAddr.Remove(place.Addr);
        _slots.Release(place.Slot);
        _used -= place.Size;
    }

    private ulong CheckAddr(ulong addr, ulong size, ulong alignment)
    {
        if (addr % alignment != 0)
            throw DeviceErrors.Misaligned(alignment);
        var (start, window) = (machine.DeviceMemoryBase, machine.DeviceMemoryWindow);
        if (addr < start || size > window || addr - start > window - size)
            throw DeviceErrors.OutOfRange(addr, size, start, window);
        if (_byAddr.TryFindOverlap(addr, size, out var occupant))
            throw DeviceErrors.Conflict(occupant.Id);
        return addr;
    }

    private ulong FirstGap(ulong size, ulong alignment)
    {
        var (start, window) = (machine.DeviceMemoryBase, machine.DeviceMemoryWindow);
        return _byAddr.FirstGap(start, size, alignment) is { } addr && size <= window && addr - start <= window - size
            ? addr
            : throw DeviceErrors.NoGap();
    }
}
