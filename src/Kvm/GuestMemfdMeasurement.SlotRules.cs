using System.Numerics;

namespace Hostmemd.Kvm;

internal sealed partial class GuestMemfdMeasurement
{
    /// <summary>The page that a vCPU wrote is in the log. Controls: its neighbours are not, and a slot without a log has none.</summary>
    private async Task<Seen> DirtyLogAddressAsync(MappedMemory memory)
    {
        var (errno, effect) = await WithSlotAsync(_vm, Slot(memory) with { DirtyLog = true }, LogsAsync).ConfigureAwait(false);
        var plain = await WithSlotAsync(_vm, Slot(memory), LogsAsync).ConfigureAwait(false);
        return new(errno, effect, plain == (0, false));
    }

    /// <summary>Control: the same slot without a log is accepted.</summary>
    private async Task<Seen> DirtyLogFdAsync(GuestMemfd file, MappedMemory memory)
    {
        var plain = Slot(memory) with { File = file };
        var (errno, effect) = await WithSlotAsync(_vm, plain with { DirtyLog = true }, LogsAsync).ConfigureAwait(false);
        return new(errno, effect, await AcceptsAsync(plain).ConfigureAwait(false));
    }

    private async Task<bool> LogsAsync(MemorySlot slot)
    {
        const int page = 3;
        await Probe.WriteAsync(slot.Gpa.Add(page * Page), new byte[1]).ConfigureAwait(false);
        ulong[] pages = [];
        var errno = await _vm.RunAsync(vm => Try(() => pages = vm.GetDirtyLog(slot.Id))).ConfigureAwait(false);
        return errno == 0 && pages[0] == 1UL << page && pages.Sum(BitOperations.PopCount) == 1;
    }

    /// <summary>A vCPU can read and not write. Controls: so it is by address, and without the flag the slot is accepted.</summary>
    private async Task<Seen> ReadonlyFdAsync(GuestMemfd file, MappedMemory memory)
    {
        var plain = Slot(memory) with { File = file };
        var (errno, effect) = await WithSlotAsync(_vm, plain with { ReadOnly = true }, slot => RefusesWritesAsync(slot, memory)).ConfigureAwait(false);
        var known = _probe is null
            || await WithSlotAsync(_vm, Slot(memory) with { ReadOnly = true }, slot => RefusesWritesAsync(slot, memory)).ConfigureAwait(false) == (0, true);
        return new(errno, effect, known && await AcceptsAsync(plain).ConfigureAwait(false));
    }

    private async Task<bool> RefusesWritesAsync(MemorySlot slot, MappedMemory memory)
    {
        memory.Write(0, [42]);
        var read = await Probe.ReadAsync(slot.Gpa, 1).ConfigureAwait(false);
        var written = await Probe.WriteAsync(slot.Gpa, new byte[] { 77 }).ConfigureAwait(false);
        return read is { Outcome: ProbeOutcome.Done } && read.Data.Span[0] == 42
            && written.Outcome == ProbeOutcome.Mmio && ByteAt(memory, 0) == 42;
    }

    /// <summary>The same bytes at two addresses. Control: so it is by address.</summary>
    private async Task<Seen> AliasFdAsync(GuestMemfd file, MappedMemory memory)
    {
        var known = _probe is null ? (0, true) : await AliasAsync(Slot(memory), memory).ConfigureAwait(false);
        var (errno, effect) = await AliasAsync(Slot(memory) with { File = file }, memory).ConfigureAwait(false);
        return new(errno, effect, known == (0, true));
    }

    private async Task<(int Errno, bool Effect)> AliasAsync(MemorySlotRequest request, MappedMemory memory)
    {
        var errno = 0;
        var (first, effect) = await WithSlotAsync(_vm, request, async _ =>
        {
            (errno, var isSeen) = await WithSlotAsync(
                _vm, request with { Gpa = Elsewhere }, second => SharesAsync(Probe, second.Gpa, memory)).ConfigureAwait(false);
            return errno == 0 && isSeen && await SharesAsync(Probe, Gpa, memory).ConfigureAwait(false);
        }).ConfigureAwait(false);
        return (first != 0 ? first : errno, effect);
    }

    /// <summary>The memory is at the new address and no more at the old one. Control: a slot by address moves.</summary>
    private async Task<Seen> MoveFdAsync(GuestMemfd file, MappedMemory memory)
    {
        var known = _probe is null ? (0, true) : await MoveAsync(Slot(memory), null, memory).ConfigureAwait(false);
        var (errno, effect) = await MoveAsync(Slot(memory) with { File = file }, file, memory).ConfigureAwait(false);
        return new(errno, effect, known == (0, true));
    }

    private async Task<(int Errno, bool Effect)> MoveAsync(MemorySlotRequest request, GuestMemfd? file, MappedMemory memory)
    {
        var errno = 0;
        var (first, effect) = await WithSlotAsync(_vm, request, async slot =>
        {
            errno = await _vm.RunAsync(vm => Try(() => _kernel.SetUserMemoryRegion2(vm.Fd, Region(slot.Id, Elsewhere, request.Hva, file, 0))))
                .ConfigureAwait(false);
            return errno == 0 && await SharesAsync(Probe, Elsewhere, memory).ConfigureAwait(false)
                && await IsEmptyAsync(Probe, Gpa).ConfigureAwait(false);
        }).ConfigureAwait(false);
        return (first != 0 ? first : errno, effect);
    }

    /// <summary>What is made private cannot be read any more. Controls: it could before; and the call says what the capability says.</summary>
    private Task<Seen> MemoryAttributesAsync(GuestMemfd file, MappedMemory memory) =>
        OrAbsentAsync(_vm.Capabilities.MemoryAttributes, "KVM_CAP_MEMORY_ATTRIBUTES", async () =>
        {
            var (errno, before, after) = (0, false, false);
            var (first, _) = await WithSlotAsync(_vm, Slot(memory) with { File = file }, async slot =>
            {
                before = _probe is null || await SharesAsync(Probe, Gpa, memory).ConfigureAwait(false);
                errno = await SetPrivateAsync(true).ConfigureAwait(false);
                if (errno != 0)
                    return false;
                after = (await Probe.ReadAsync(Gpa, 1).ConfigureAwait(false)).Outcome == ProbeOutcome.MemoryFault;
                return await SetPrivateAsync(false).ConfigureAwait(false) == 0;
            }).ConfigureAwait(false);
            return new(first != 0 ? first : errno, after, before);
        });

    private Task<int> SetPrivateAsync(bool on) => _vm.RunAsync(vm => Try(() => _kernel.SetMemoryAttributes(vm.Fd, Gpa, Size, on)));

    /// <summary>A page is there before anybody touched it. Control: where no slot is there is none to be had.</summary>
    private Task<Seen> PreFaultAsync() => OrAbsentAsync(_vm.Capabilities.PreFaultMemory, "KVM_CAP_PRE_FAULT_MEMORY", async () =>
    {
        var (_, memory) = await FreshAsync().ConfigureAwait(false);
        var errno = 0;
        var (first, effect) = await WithSlotAsync(_vm, Slot(memory), async _ =>
        {
            errno = await PreFaultAsync(Gpa).ConfigureAwait(false);
            return errno == 0 && IsPresent(memory, 0);
        }).ConfigureAwait(false);
        return new(first != 0 ? first : errno, effect, await PreFaultAsync(Empty).ConfigureAwait(false) == Errno.ENOENT);
    });

    private async Task<int> PreFaultAsync(GuestAddress gpa)
    {
        try
        {
            await Probe.PreFaultAsync(gpa, Page).ConfigureAwait(false);
            return 0;
        }
        catch (KernelException e) when (_probe is not null)
        {
            return e.Errno;
        }
    }

    /// <summary>Without the capability the call must fail too, and is absent by both; a capability without the call is absent as well.</summary>
    private static async Task<Seen> OrAbsentAsync(bool isTold, string capability, Func<Task<Seen>> look)
    {
        Seen seen;
        try
        {
            seen = await look().ConfigureAwait(false);
        }
        catch (KernelException e) when (!isTold)
        {
            return new(0, false, false, $"{capability} is 0; {e.Message}") { IsAbsent = true };
        }
        if (!isTold)
            return seen with
            {
                IsAbsent = true,
                Control = seen.Errno is Errno.ENOTTY or Errno.EOPNOTSUPP,
                Detail = seen.Errno == 0 ? $"{capability} is 0, yet the call succeeds" : $"{capability} is 0",
            };
        return seen.Errno == Errno.ENOTTY ? seen with { IsAbsent = true, Control = false, Detail = $"{capability} is there, the call is not" } : seen;
    }
}
