using Hostmemd.Guests;
using Hostmemd.Kvm;

namespace Hostmemd.DirtyRate;

/// <summary>
/// Has KVM log what vCPUs of this VM write, slot by slot, so that the VM thread serves others in between. Slots that come meanwhile are not
/// logged, nor those that go.
/// </summary>
internal sealed class DirtyLogging(Guest guest)
{
    private readonly List<MemorySlot> _logged = [];

    /// <exception cref="Protocol.Errors.QmpException">A slot cannot be logged; none is.</exception>
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
                await EndAsync((_, _) => 0).ConfigureAwait(false);
                throw DirtyRateErrors.NoLog(slot.Slot.Id, Errno.Text(e.Errno));
            }
        }
        var logged = new HashSet<MemorySlot>(_logged, ReferenceEqualityComparer.Instance);
        guest.Change(state => state with { DirtyLogged = logged });
    }

    /// <summary>Switches it off again.</summary>
    /// <param name="read">Pages of a slot, before it is switched off; on the VM thread.</param>
    /// <returns>The pages of all.</returns>
    public async Task<long> EndAsync(Func<Vm, MemorySlot, long> read)
    {
        var pages = 0L;
        foreach (var slot in _logged)
        {
            try
            {
                pages += await guest.Vm!.RunAsync(vm => EndOf(vm, slot, read)).ConfigureAwait(false);
            }
            catch (KernelException e)
            {
                guest.Log.Error("The dirty log of slot {Slot} could not be read: {Error}", slot.Id, e.Message);
            }
        }
        guest.Change(state => state with { DirtyLogged = GuestState.NoSlots });
        return pages;
    }

    private static long EndOf(Vm vm, MemorySlot slot, Func<Vm, MemorySlot, long> read)
    {
        if (!vm.Has(slot))
            return 0;
        try
        {
            return read(vm, slot);
        }
        finally
        {
            vm.TrySetDirtyLog(slot, on: false);
        }
    }
}
