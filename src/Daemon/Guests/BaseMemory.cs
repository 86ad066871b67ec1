using Hostmemd.Api;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Guests;

/// <summary>
/// The RAM a machine starts with, shown to the guest where the machine's map says: a backend named pc.ram, or those that the command line
/// names, one after another.
/// </summary>
internal static class BaseMemory
{
    public const string Id = "pc.ram";

    /// <summary>Makes the machine's own memory, where no backends are named for it.</summary>
    public static async Task AddAsync(Guest guest)
    {
        if (guest.Options.Autostart)
            guest.Change(state => state with { RunState = RunState.Running });
        if (guest.Machine.RamSize == 0 || guest.Options.RamBackends.Count > 0)
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
        await PlaceAsync(guest, [published]).ConfigureAwait(false);
    }

    /// <summary>Takes the backends that the command line names, which are there by now. Texts are QEMU 11.1.3's.</summary>
    /// <exception cref="QmpException">They do not fit the machine.</exception>
    public static async Task UseNamedAsync(Guest guest)
    {
        var names = guest.Options.RamBackends;
        if (names.Count == 0)
            return;
        var backends = names.Select(name =>
            guest.State.Backends.GetValueOrDefault(name) ?? throw new QmpException($"Memory backend '{name}' not found")).ToList();
        var total = backends.Aggregate(0UL, (sum, backend) => checked(sum + backend.Properties.Size));
        if (total != guest.Machine.RamSize)
            throw new QmpException(guest.Options.HasNumaNodes
                ? $"total memory for NUMA nodes (0x{total:x}) should equal RAM size (0x{guest.Machine.RamSize:x})"
                : "Machine memory size does not match the size of the memory backend");
        foreach (var published in backends)
        {
            if (!published.Backend.Map("the machine"))
                throw new QmpException($"memory backend {published.Backend.Id} can't be used multiple times.");
        }
        await PlaceAsync(guest, backends).ConfigureAwait(false);
    }

    /// <summary>A slot for each part of a backend that lies in one range of the machine's map.</summary>
    private static async Task PlaceAsync(Guest guest, IReadOnlyList<PublishedBackend> backends)
    {
        var requests = Parts(guest.Machine, backends).ToList();
        List<PublishedSlot> slots = [];
        try
        {
            if (guest.Vm is { } thread)
                slots = await thread.RunAsync(vm => requests
                    .Select(part => new PublishedSlot(vm.AddSlot(part.Request), part.Backend.QomPath, null)).ToList()).ConfigureAwait(false);
        }
        catch (MemorySlotException e)
        {
            throw new QmpException($"cannot register memory in KVM: {e.Message}");
        }
        guest.Change(state => state with
        {
            BaseMemory = [.. requests.Select(part =>
                new GuestMemoryRange(part.Request.Gpa.Value, part.Request.Size, part.Backend, part.Request.Offset))],
            Slots = slots.Aggregate(state.Slots, (map, slot) => map.Add(slot)),
        });
    }

    private static IEnumerable<(MemoryBackend Backend, MemorySlotRequest Request)> Parts(Machine machine, IReadOnlyList<PublishedBackend> backends)
    {
        ulong begin = 0;
        foreach (var (backend, properties) in backends)
        {
            var end = begin + properties.Size;
            foreach (var range in machine.RamRanges)
            {
                var (from, to) = (Math.Max(begin, range.Offset), Math.Min(end, range.Offset + range.Size));
                if (from >= to)
                    continue;
                yield return (backend, new MemorySlotRequest
                {
                    Gpa = range.Gpa.Add(from - range.Offset),
                    Size = to - from,
                    Hva = backend.Memory.Address.Add(from - begin),
                    File = backend.SlotFile,
                    Offset = from - begin,
                    ReadOnly = backend.Memory.IsReadOnly,
                    Use = MemorySlotUse.BaseMemory,
                });
            }
            begin = end;
        }
    }
}
