using System.Collections.Immutable;
using Hostmemd.Api;
using Hostmemd.Kvm;
using Hostmemd.Objects;

namespace Hostmemd.Guests;

/// <summary>The RAM a machine starts with: a backend named pc.ram, shown to the guest where the machine's map says.</summary>
internal static class BaseMemory
{
    public const string Id = "pc.ram";

    public static async Task AddAsync(Guest guest)
    {
        if (guest.Options.Autostart)
            guest.Change(state => state with { RunState = RunState.Running });
        if (guest.Machine.RamSize == 0)
            return;
        var options = new ObjectOptions
        {
            QomType = ObjectType.MemoryBackendRam,
            Id = Id,
            Ram = new MemoryBackendProperties { Size = guest.Machine.RamSize },
        };
        var published = await BackendFactory.CreateAsync(guest, guest.Work, options).ConfigureAwait(false);
        published.Backend.Map("the machine");
        guest.Publish(published);
        if (guest.Vm is null)
            return;
        var slots = await guest.Vm.RunAsync(vm => guest.Machine.RamRanges.Select(range => vm.AddSlot(new MemorySlotRequest
        {
            Gpa = range.Gpa,
            Size = range.Size,
            Hva = published.Backend.Memory.Address.Add(range.Offset),
            Offset = range.Offset,
            Use = MemorySlotUse.BaseMemory,
        })).ToImmutableArray()).ConfigureAwait(false);
        guest.Change(state => state with
        {
            Slots = state.Slots.AddRange(slots.Select(slot =>
                KeyValuePair.Create(slot.Gpa.Value, new PublishedSlot(slot, published.Backend.QomPath, null)))),
        });
    }
}
