using System.Numerics;
using Hostmemd.Guests;
using Hostmemd.Kvm;

namespace Hostmemd.DirtyRate;

/// <summary>
/// Counts by KVM's dirty log what vCPUs of this VM write; what the host or another VM writes is not in it. Slots that come meanwhile are not
/// counted, nor those that go.
/// </summary>
internal sealed class DirtyLogCount(Guest guest) : IDirtyCount
{
    private readonly List<MemorySlot> _logged = [];

    public async Task BeginAsync()
    {
        var slots = guest.State.Slots.All.Where(slot => slot.Slot.Use != MemorySlotUse.Probe).ToList();
        // No half of them is switched on when one of them never can be.
        if (slots.Find(slot => slot.Slot.Binding == MemorySlotBinding.GuestMemfd) is { } bound)
            throw DirtyRateErrors.BoundByDescriptor(bound.Slot.Id, bound.Memdev ?? "");
        foreach (var slot in slots)
        {
            try
            {
                if (await guest.Vm!.RunAsync(vm => vm.TrySetDirtyLog(slot.Slot, on: true)).ConfigureAwait(false))
                    _logged.Add(slot.Slot);
            }
            catch (KernelException e)
            {
                await EndAsync().ConfigureAwait(false);
                throw DirtyRateErrors.NoLog(slot.Slot.Id, Errno.Text(e.Errno));
            }
        }
        var logged = new HashSet<MemorySlot>(_logged, ReferenceEqualityComparer.Instance);
        guest.Change(state => state with { DirtyLogged = logged });
    }

    public async Task<double> EndAsync()
    {
        var pages = 0L;
        foreach (var slot in _logged)
        {
            try
            {
                pages += await guest.Vm!.RunAsync(vm => EndOf(vm, slot)).ConfigureAwait(false);
            }
            catch (KernelException e)
            {
                guest.Log.Error("The dirty log of slot {Slot} could not be read: {Error}", slot.Id, e.Message);
            }
        }
        guest.Change(state => state with { DirtyLogged = GuestState.NoSlots });
        return pages * (double)MappedMemory.PageSize;
    }

    /// <summary>Reads the log once, then switches it off.</summary>
    private static long EndOf(Vm vm, MemorySlot slot)
    {
        if (!vm.Has(slot))
            return 0;
        try
        {
            return vm.GetDirtyLog(slot.Id).Sum(word => (long)BitOperations.PopCount(word));
        }
        finally
        {
            vm.TrySetDirtyLog(slot, on: false);
        }
    }
}
