using Hostmemd.Kvm.Native;

namespace Hostmemd.Kvm;

internal sealed partial class GuestMemfdMeasurement
{
    private static readonly GuestAddress Gpa = new(1UL << 30);
    private static readonly GuestAddress Empty = new(2UL << 30);
    private static readonly GuestAddress ProbeAt = new(1UL << 35);

    private async Task SlotsAsync(GuestMemfd file, MappedMemory memory)
    {
        // A slot with a wrapping offset would be a danger to a vCPU: this comes while there is none.
        Add(await OverflowAsync(file, memory).ConfigureAwait(false));
        await FlagsAsync(file, memory).ConfigureAwait(false);
        await MoveAsync(file, memory).ConfigureAwait(false);
        try
        {
            var probe = await ProbeVcpu.CreateAsync(_vm, ProbeAt).ConfigureAwait(false);
            await using var ended = probe.ConfigureAwait(false);
            await BindAsync(probe, file, memory).ConfigureAwait(false);
        }
        catch (KernelException e)
        {
            Unproven(e, GuestMemfdAbility.BindAddress, GuestMemfdAbility.BindFd, GuestMemfdAbility.DirtyLogAddress);
        }

        await OtherVmAsync(file, memory).ConfigureAwait(false);
    }

    /// <summary>
    /// A native vCPU reads through the slot what the host wrote. Controls: no slot, no memory; and which of two memories is seen.
    /// </summary>
    private async Task BindAsync(ProbeVcpu probe, GuestMemfd file, MappedMemory memory)
    {
        memory.Write(0, [42]);
        Add(GuestMemfdAbility.BindAddress, await SeesAsync(_vm, probe, Slot(memory), 42).ConfigureAwait(false));

        // Behind the address lies other memory here: what is read tells which way KVM went.
        using var decoy = MappedMemory.Create(_kernel, new MappingOptions { Size = Size });
        decoy.Write(0, [77]);
        var control = await SeesAsync(_vm, probe, Slot(decoy), 77).ConfigureAwait(false);
        var bound = await SeesAsync(_vm, probe, Slot(decoy) with { File = file }, 42).ConfigureAwait(false);
        Add(GuestMemfdAbility.BindFd, bound with { Control = bound.Control && control.Effect });
        await DirtyLogAsync(probe, memory).ConfigureAwait(false);
    }

    /// <summary>The page that a vCPU wrote is in the log. Control: its neighbour is not.</summary>
    private async Task DirtyLogAsync(ProbeVcpu probe, MappedMemory memory)
    {
        var (slot, errno) = await AddSlotAsync(_vm, Slot(memory) with { DirtyLog = true }).ConfigureAwait(false);
        if (slot is null)
        {
            Add(GuestMemfdAbility.DirtyLogAddress, errno, control: false);
            return;
        }

        await probe.WriteAsync(Gpa.Add(3 * MappedMemory.PageSize), new byte[1]).ConfigureAwait(false);
        var pages = (await _vm.RunAsync(vm => vm.GetDirtyLog(slot.Id)).ConfigureAwait(false))[0];
        await _vm.RunAsync(vm => vm.DeleteSlot(slot.Id)).ConfigureAwait(false);
        Add(GuestMemfdAbility.DirtyLogAddress, 0, control: (pages & 0b10100) == 0, effect: (pages & 0b01000) != 0);
    }

    private async Task OtherVmAsync(GuestMemfd file, MappedMemory memory)
    {
        var vm = await VmThread.StartAsync(_kernel).ConfigureAwait(false);
        await using var ended = vm.ConfigureAwait(false);
        var (slot, errno) = await AddSlotAsync(vm, Slot(memory) with { File = file }).ConfigureAwait(false);
        if (slot is not null)
            await vm.RunAsync(v => v.DeleteSlot(slot.Id)).ConfigureAwait(false);
        var own = await AcceptsAsync(Slot(memory) with { File = file }).ConfigureAwait(false);
        Add(GuestMemfdAbility.BindFdOtherVm, errno, control: own == 0);
        try
        {
            var probe = await ProbeVcpu.CreateAsync(vm, ProbeAt).ConfigureAwait(false);
            await using var stopped = probe.ConfigureAwait(false);
            memory.Write(0, [43]);
            Add(GuestMemfdAbility.BindAddressOtherVm, await SeesAsync(vm, probe, Slot(memory), 43).ConfigureAwait(false));
        }
        catch (KernelException e)
        {
            Unproven(e, GuestMemfdAbility.BindAddressOtherVm);
        }
    }

    /// <summary>What a slot by descriptor refuses. Control: the same slot without it is accepted.</summary>
    private async Task FlagsAsync(GuestMemfd file, MappedMemory memory)
    {
        var plain = Slot(memory) with { File = file };
        var accepted = await AcceptsAsync(plain).ConfigureAwait(false) == 0;
        Add(GuestMemfdAbility.DirtyLogFd, await AcceptsAsync(plain with { DirtyLog = true }).ConfigureAwait(false), accepted);
        Add(GuestMemfdAbility.ReadonlyFd, await AcceptsAsync(plain with { ReadOnly = true }).ConfigureAwait(false), accepted);
        var (first, _) = await AddSlotAsync(_vm, plain).ConfigureAwait(false);
        var alias = await AcceptsAsync(plain with { Gpa = Empty }).ConfigureAwait(false);
        if (first is not null)
            await _vm.RunAsync(vm => vm.DeleteSlot(first.Id)).ConfigureAwait(false);
        Add(GuestMemfdAbility.AliasFd, alias, first is not null);
    }

    /// <summary>Control: a slot by address moves.</summary>
    private async Task MoveAsync(GuestMemfd file, MappedMemory memory)
    {
        var control = await MovesAsync(Slot(memory), null).ConfigureAwait(false) == 0;
        Add(GuestMemfdAbility.MoveFd, await MovesAsync(Slot(memory) with { File = file }, file).ConfigureAwait(false), control);
    }

    private async Task<int> MovesAsync(MemorySlotRequest request, GuestMemfd? file)
    {
        var (slot, errno) = await AddSlotAsync(_vm, request).ConfigureAwait(false);
        if (slot is null)
            return errno;
        return await _vm.RunAsync(vm =>
        {
            var moved = Region(slot.Id, Empty, request.Hva, file, 0);
            var result = Try(() => _kernel.SetUserMemoryRegion2(vm.Fd, moved));
            vm.DeleteSlot(slot.Id);
            return result;
        }).ConfigureAwait(false);
    }

    /// <summary>An offset that wraps with the size must be refused. Control: one that is merely past the end is.</summary>
    private Task<GuestMemfdAbilityInfo> OverflowAsync(GuestMemfd file, MappedMemory memory) => _vm.RunAsync(vm =>
    {
        var beyond = Region(0, Gpa, memory.Address, file, Size);
        var control = Try(() => _kernel.SetUserMemoryRegion2(vm.Fd, beyond)) == Errno.EINVAL;
        var wrapping = Region(0, Gpa, memory.Address, file, (ulong)long.MaxValue & ~(MappedMemory.PageSize - 1));
        var errno = Try(() => _kernel.SetUserMemoryRegion2(vm.Fd, wrapping));
        if (errno == 0)
            _kernel.SetUserMemoryRegion2(vm.Fd, default);
        return new GuestMemfdAbilityInfo(
            GuestMemfdAbility.OffsetOverflowRefused,
            errno != 0 ? GuestMemfdVerdict.Works : GuestMemfdVerdict.Ineffective,
            control,
            Detail: errno != 0 ? null : "the kernel binds a range that wraps; callers must check");
    });

    private static async Task<(bool Effect, bool Control, int Errno)> SeesAsync(
        VmThread vm, ProbeVcpu probe, MemorySlotRequest request, byte expected)
    {
        var (slot, errno) = await AddSlotAsync(vm, request).ConfigureAwait(false);
        if (slot is null)
            return (false, false, errno);
        var read = await probe.ReadAsync(slot.Gpa, 1).ConfigureAwait(false);
        var empty = await probe.ReadAsync(Empty, 1).ConfigureAwait(false);
        await vm.RunAsync(v => v.DeleteSlot(slot.Id)).ConfigureAwait(false);
        var effect = read is { Outcome: ProbeOutcome.Done, Native: true } && read.Data.Span[0] == expected;
        return (effect, empty.Outcome == ProbeOutcome.Mmio, 0);
    }

    private async Task<int> AcceptsAsync(MemorySlotRequest request)
    {
        var (slot, errno) = await AddSlotAsync(_vm, request).ConfigureAwait(false);
        if (slot is not null)
            await _vm.RunAsync(vm => vm.DeleteSlot(slot.Id)).ConfigureAwait(false);
        return errno;
    }

    private static Task<(MemorySlot? Slot, int Errno)> AddSlotAsync(VmThread thread, MemorySlotRequest request) => thread.RunAsync(vm =>
    {
        MemorySlot? slot = null;
        var errno = Try(() => slot = vm.AddSlot(request));
        return (slot, errno);
    });

    private static MemorySlotRequest Slot(MappedMemory memory) =>
        new() { Gpa = Gpa, Size = Size, Hva = memory.Address, Use = MemorySlotUse.Probe };

    private static kvm_userspace_memory_region2 Region(uint id, GuestAddress gpa, HostAddress hva, GuestMemfd? file, ulong offset) => new()
    {
        slot = id,
        flags = file is null ? MemoryRegionFlags.None : MemoryRegionFlags.GuestMemfd,
        guest_phys_addr = gpa.Value,
        memory_size = Size,
        userspace_addr = hva.Value,
        guest_memfd = (uint)(file?.Number ?? 0),
        guest_memfd_offset = offset,
    };

    private void Add(GuestMemfdAbilityInfo info) => _found.Add(info);

    private void Add(GuestMemfdAbility ability, (bool Effect, bool Control, int Errno) seen) =>
        Add(ability, seen.Errno, seen.Control, seen.Effect);

    private void Unproven(KernelException reason, params ReadOnlySpan<GuestMemfdAbility> abilities)
    {
        foreach (var ability in abilities)
            _found.Add(new(ability, GuestMemfdVerdict.Unproven, false, reason.Errno, $"no vCPU to look: {reason.Message}"));
    }
}
