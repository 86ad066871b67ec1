using Hostmemd.Commands;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Devices;

/// <summary>
/// Plugs and unplugs DIMMs, each in one step on the VM thread. Plugging: everything is checked and taken, then KVM gets the slot, then the
/// world is told; what fails undoes what was done before it. Unplugging goes the other way round.
/// </summary>
internal static class DimmPlug
{
    /// <param name="isLast">The caller has nothing to do afterwards than to answer.</param>
    /// <exception cref="QmpException">It cannot be plugged; nothing has changed.</exception>
    public static Task AddAsync(Guest guest, DeviceOptions options, bool hotplugged, bool isLast = false) =>
        RunAsync(guest, vm => Add(guest, vm, options, hotplugged), isLast);

    /// <summary>Unplugs at once: no guest OS owns the DIMM here. For who has nothing to do afterwards than to answer.</summary>
    /// <exception cref="QmpException">KVM kept the slot: so is the device.</exception>
    public static Task RemoveAsync(Guest guest, Dimm dimm)
    {
        guest.Owned(state =>
        {
            // Another client may have removed it meanwhile, and plugged another of that name.
            if (guest.Dimms.Find(dimm.Name, state) != dimm)
                throw ObjectErrors.DeviceNotFound(dimm.Id ?? dimm.QomPath);
            guest.Dimms.BeginRemoval(dimm.Name);
        });
        return RunAsync(guest, vm => Remove(guest, vm, dimm), isLast: true);
    }

    /// <summary>Goes to the VM thread with the first step already: who asked is done by then, and KVM finds the processors free.</summary>
    /// <param name="step">Gets null with accel=none: there is no KVM to be told.</param>
    private static Task RunAsync(Guest guest, Action<Vm?> step, bool isLast)
    {
        if (guest.Vm is { } thread)
            return isLast ? thread.RunAndStayAsync(step) : thread.RunAsync(step);
        step(null);
        return Task.CompletedTask;
    }

    private static void Add(Guest guest, Vm? vm, DeviceOptions options, bool hotplugged)
    {
        var dimm = Take(guest, options, hotplugged);
        PublishedSlot? published;
        try
        {
            published = vm is null ? null : new PublishedSlot(AddSlot(vm, dimm), dimm.Backend.QomPath, dimm.QomPath);
        }
        catch
        {
            GiveBack(guest, dimm);
            throw;
        }
        guest.Change(
            state =>
            {
                guest.Dimms.Publish(dimm);
                return state with
                {
                    Dimms = state.Dimms.Add(dimm.Place.Addr, dimm),
                    Slots = published is null ? state.Slots : state.Slots.Add(published),
                };
            },
            next => published is null ? [] : [Events.MemorySlotAdded(published, next.Generation, guest.Clock)],
            kept: dimm.Backend.Id);
    }

    private static void Remove(Guest guest, Vm? vm, Dimm dimm)
    {
        var published = guest.State.Slots[dimm.Place.Addr];
        if (vm is not null && published is not null)
            DeleteSlot(guest, vm, dimm, published.Slot);
        guest.Change(
            state =>
            {
                GiveBack(guest, dimm);
                return state with
                {
                    Dimms = state.Dimms.Remove(dimm.Place.Addr),
                    Slots = state.Slots.Remove(dimm.Place.Addr),
                };
            },
            next => published is null
                ? [Events.DeviceDeleted(dimm, guest.Clock)]
                : [Events.MemorySlotDeleted(published, next.Generation, guest.Clock), Events.DeviceDeleted(dimm, guest.Clock)],
            kept: dimm.Backend.Id);
    }

    /// <summary>Takes name, place and memory, in the order in which QEMU reports what is wrong (seen in QEMU 11.1.3).</summary>
    private static Dimm Take(Guest guest, DeviceOptions options, bool hotplugged) => guest.Owned(state =>
    {
        var name = guest.Dimms.ClaimName(options.Name ?? options.Id);
        DimmPlace? place = null;
        try
        {
            var memdev = string.IsNullOrEmpty(options.Memdev) ? null : BackendLookup.Find(guest, state, options.Memdev);
            guest.Dimms.CheckSlot(options.Slot);
            if (memdev is not { Backend: var backend })
                throw DeviceErrors.MemdevMissing();
            CheckKvmSlots(guest, state);
            place = guest.Dimms.Take(options.Id, options.Addr, memdev.Properties.Size, options.Slot, backend.Alignment);
            if (options.Node >= guest.Options.Nodes)
                throw DeviceErrors.NodeOutOfRange(options.Node, guest.Options.Nodes);
            if (!backend.Map(name))
                throw DeviceErrors.MemdevBusy(backend.Id);
            return new Dimm(options.Id, name, place, options.Node, backend, hotplugged);
        }
        catch
        {
            if (place is not null)
                guest.Dimms.Release(place);
            guest.Dimms.ReleaseName(name);
            throw;
        }
    });

    /// <summary>KVM's slots are counted with those of DIMMs that are only being plugged.</summary>
    private static void CheckKvmSlots(Guest guest, GuestState state)
    {
        if (guest.Vm is { } vm && state.Slots.Count - state.Dimms.Count + guest.Dimms.Count >= vm.Capabilities.MaxSlots)
            throw DeviceErrors.NoKvmSlots(vm.Capabilities.MaxSlots);
    }

    private static void GiveBack(Guest guest, Dimm dimm) => guest.Owned(_ =>
    {
        guest.Dimms.Release(dimm.Place);
        guest.Dimms.ReleaseName(dimm.Name);
        dimm.Backend.Unmap();
    });

    private static MemorySlot AddSlot(Vm vm, Dimm dimm)
    {
        try
        {
            return vm.AddSlot(new MemorySlotRequest
            {
                Gpa = new GuestAddress(dimm.Place.Addr),
                Size = dimm.Place.Size,
                Hva = dimm.Backend.Memory.Address,
                File = dimm.Backend.SlotFile,
                ReadOnly = dimm.Backend.Memory.IsReadOnly,
                Use = MemorySlotUse.Device,
            });
        }
        catch (KernelException e)
        {
            throw DeviceErrors.SlotFailed(Errno.Text(e.Errno));
        }
        catch (MemorySlotException e)
        {
            throw DeviceErrors.SlotFailed(e.Message);
        }
    }

    private static void DeleteSlot(Guest guest, Vm vm, Dimm dimm, MemorySlot slot)
    {
        try
        {
            vm.DeleteSlot(slot.Id);
        }
        catch (KernelException e)
        {
            guest.Log.Error("Memory slot {Slot} of {Device} is quarantined: {Error}", slot.Id, dimm.QomPath, e.Message);
            guest.Owned(_ => guest.Dimms.MarkStuck(dimm.Name, Errno.Text(e.Errno)));
            throw DeviceErrors.SlotStuck(dimm.Name, Errno.Text(e.Errno));
        }
    }
}
