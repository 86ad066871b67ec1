using Hostmemd.Api;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>What KVM has of the guest's memory, and what guest_memfd can do here.</summary>
internal static class SlotCommands
{
    private const uint DefaultLimit = 256;
    private const uint MaxLimit = 32768;

    public static MemorySlotMap QueryMemorySlots(Client client, QueryMemorySlotsArguments arguments)
    {
        if (arguments.Size is not null && arguments.Addr is null)
            throw new QmpException("Parameter 'size' needs 'addr'");
        var limit = arguments.Limit ?? DefaultLimit;
        if (limit is 0 or > MaxLimit)
            throw ProtocolErrors.Expects("limit", $"a value from 1 to {MaxLimit}");
        var state = client.Pin();
        var memdev = arguments.Memdev is null ? null : BackendLookup.Find(client.Guest, state, arguments.Memdev).Backend.QomPath;
        var found = state.Slots.Overlapping(arguments.Addr ?? 0, arguments.Size ?? ulong.MaxValue).Where(slot => memdev is null || slot.Memdev == memdev)
            .Take((int)limit + 1).ToList();
        var next = found.Count > limit ? found[^1].Slot.Gpa.Value : (ulong?)null;
        var guest = client.Guest;
        return new MemorySlotMap
        {
            Generation = state.Generation,
            Slots = [.. found.Take((int)limit).Select(slot => slot.ToInfo(client.Session.ReadOnly, state.DirtyLogged.Contains(slot.Slot)))],
            NextAddr = next,
            Limits = new MemorySlotLimits
            {
                KvmUsed = (uint)state.Slots.Count,
                KvmMax = (uint?)guest.Vm?.Capabilities.MaxSlots,
                DeviceUsed = (uint)state.Dimms.Count,
                DeviceMax = guest.Machine.DimmSlots,
                AddrMax = guest.Vm is null ? null : ProbeVcpu.HighestAddress(guest.Vm.Capabilities).Value,
                DescriptorsUsed = guest.Limits.DescriptorsUsed,
                DescriptorsMax = guest.Limits.DescriptorsMax,
                MappingsUsed = guest.Limits.MappingsUsed(state),
                MappingsMax = guest.Limits.MappingsMax,
            },
        };
    }

    public static async ValueTask<GuestMemfdCapabilities> QueryGuestMemfdAsync(Client client, GuestMemfdCapabilitiesArguments arguments)
    {
        var guest = client.Guest;
        GuestMemfdReport report;
        try
        {
            report = await guest.GuestMemfd.ReportAsync(guest.Kernel, arguments.Refresh == true).ConfigureAwait(false);
        }
        catch (KernelException e)
        {
            throw new QmpException(QmpErrorClass.KVMMissingCap, $"KVM cannot be used: {e.Message}");
        }
        return new GuestMemfdCapabilities
        {
            KernelRelease = report.KernelRelease,
            VmType = report.VmType,
            VmTypes = [.. report.VmTypes],
            Flags = report.Flags,
            Abilities = [.. report.Abilities.Select(ability => new GuestMemfdAbilityResult
            {
                Ability = ability.Ability,
                Verdict = ability.Verdict,
                ControlPassed = ability.ControlPassed,
                ErrnoName = ability.Errno is { } errno ? Errno.Name(errno) : null,
                Detail = ability.Detail,
            })],
        };
    }
}
