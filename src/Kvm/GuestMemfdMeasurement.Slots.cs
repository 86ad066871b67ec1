using Hostmemd.Kvm.Native;

namespace Hostmemd.Kvm;

internal sealed partial class GuestMemfdMeasurement
{
    private static readonly GuestAddress Gpa = new(1UL << 30);
    private static readonly GuestAddress Elsewhere = new(2UL << 30);
    private static readonly GuestAddress Empty = new(3UL << 30);
    private static readonly GuestAddress ProbeAt = new(1UL << 35);

    private ProbeVcpu? _probe;
    private Exception? _noProbe;

    /// <summary>The vCPU that looks; where there is none, nothing can be seen of slots.</summary>
    private ProbeVcpu Probe => _probe ?? throw new KernelException($"no vCPU to look: {_noProbe!.Message}", (_noProbe as KernelException)?.Errno ?? Errno.ENODEV);

    private async Task SlotsAsync(GuestMemfd file, MappedMemory memory)
    {
        // A slot with a wrapping offset would be a danger to a vCPU: this comes while there is none.
        await MeasureAsync(GuestMemfdAbility.OffsetOverflowRefused, () => OverflowAsync(file, memory)).ConfigureAwait(false);
        try
        {
            _probe = await ProbeVcpu.CreateAsync(_vm, ProbeAt).ConfigureAwait(false);
        }
        catch (Exception e) when (e is KernelException or MemorySlotException)
        {
            _noProbe = e;
        }
        try
        {
            await MeasureAsync(GuestMemfdAbility.BindAddress, () => BindAddressAsync(memory)).ConfigureAwait(false);
            await MeasureAsync(GuestMemfdAbility.BindFd, () => BindFdAsync(file, memory)).ConfigureAwait(false);
            await MeasureAsync(GuestMemfdAbility.DirtyLogAddress, () => DirtyLogAddressAsync(memory)).ConfigureAwait(false);
            await MeasureAsync(GuestMemfdAbility.DirtyLogFd, () => DirtyLogFdAsync(file, memory)).ConfigureAwait(false);
            await MeasureAsync(GuestMemfdAbility.ReadonlyFd, () => ReadonlyFdAsync(file, memory)).ConfigureAwait(false);
            await MeasureAsync(GuestMemfdAbility.AliasFd, () => AliasFdAsync(file, memory)).ConfigureAwait(false);
            await MeasureAsync(GuestMemfdAbility.MoveFd, () => MoveFdAsync(file, memory)).ConfigureAwait(false);
            await MeasureAsync(GuestMemfdAbility.MemoryAttributes, () => MemoryAttributesAsync(file, memory)).ConfigureAwait(false);
            await MeasureAsync(GuestMemfdAbility.PreFault, PreFaultAsync).ConfigureAwait(false);
            await OtherVmAsync(file, memory).ConfigureAwait(false);
        }
        finally
        {
            if (_probe is not null)
                await _probe.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>An offset that wraps with the size must be refused. Control: one that is merely past the end is.</summary>
    private Task<Seen> OverflowAsync(GuestMemfd file, MappedMemory memory) => _vm.RunAsync(vm =>
    {
        var beyond = Region(0, Gpa, memory.Address, file, Size);
        var control = Try(() => _kernel.SetUserMemoryRegion2(vm.Fd, beyond)) == Errno.EINVAL;
        var wrapping = Region(0, Gpa, memory.Address, file, (ulong)long.MaxValue & ~(Page - 1));
        var isRefused = Try(() => _kernel.SetUserMemoryRegion2(vm.Fd, wrapping)) != 0;
        if (!isRefused)
            _kernel.SetUserMemoryRegion2(vm.Fd, default);
        return new Seen(0, isRefused, control, "the kernel binds a range that wraps; callers must check");
    });

    /// <summary>Host and vCPU see the same bytes. Control: where no slot is, the vCPU sees nothing.</summary>
    private async Task<Seen> BindAddressAsync(MappedMemory memory)
    {
        var (errno, effect) = await WithSlotAsync(_vm, Slot(memory), _ => SharesAsync(Probe, Gpa, memory)).ConfigureAwait(false);
        return new(errno, effect, await IsEmptyAsync(Probe, Empty).ConfigureAwait(false));
    }

    /// <summary>
    /// Behind the address lies other memory: what the vCPU sees tells which way KVM went. Controls: without the descriptor it sees that other
    /// memory, and without a slot nothing.
    /// </summary>
    private async Task<Seen> BindFdAsync(GuestMemfd file, MappedMemory memory)
    {
        using var decoy = MappedMemory.Create(_kernel, new MappingOptions { Size = Size });
        var control = await WithSlotAsync(_vm, Slot(decoy), _ => SharesAsync(Probe, Gpa, decoy)).ConfigureAwait(false) == (0, true);
        var (errno, effect) = await WithSlotAsync(_vm, Slot(decoy) with { File = file }, _ => SharesAsync(Probe, Gpa, memory)).ConfigureAwait(false);
        return new(errno, effect, control && await IsEmptyAsync(Probe, Gpa).ConfigureAwait(false));
    }

    /// <summary>In another VM, whose process is the same.</summary>
    private async Task OtherVmAsync(GuestMemfd file, MappedMemory memory)
    {
        var vm = await VmThread.StartAsync(_kernel).ConfigureAwait(false);
        await using var ended = vm.ConfigureAwait(false);
        ProbeVcpu? probe = null;
        try
        {
            if (_probe is not null)
                probe = await ProbeVcpu.CreateAsync(vm, ProbeAt).ConfigureAwait(false);
            await MeasureAsync(GuestMemfdAbility.BindAddressOtherVm, async () =>
            {
                var other = probe ?? Probe;
                var (errno, effect) = await WithSlotAsync(vm, Slot(memory), _ => SharesAsync(other, Gpa, memory)).ConfigureAwait(false);
                return new(errno, effect, await IsEmptyAsync(other, Empty).ConfigureAwait(false));
            }).ConfigureAwait(false);
            await MeasureAsync(GuestMemfdAbility.BindFdOtherVm, async () =>
            {
                using var decoy = MappedMemory.Create(_kernel, new MappingOptions { Size = Size });
                var request = Slot(decoy) with { File = file };
                var (errno, effect) = await WithSlotAsync(vm, request, _ => SharesAsync(probe ?? Probe, Gpa, memory)).ConfigureAwait(false);
                return new(errno, effect, await AcceptsAsync(request).ConfigureAwait(false));
            }).ConfigureAwait(false);
        }
        finally
        {
            if (probe is not null)
                await probe.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The vCPU reads what the host wrote, and the host what the vCPU wrote; natively, as KVM's emulator would go by the address.</summary>
    private static async Task<bool> SharesAsync(ProbeVcpu probe, GuestAddress gpa, MappedMemory memory)
    {
        memory.Write(0, [42, 0]);
        var read = await probe.ReadAsync(gpa, 1).ConfigureAwait(false);
        var written = await probe.WriteAsync(gpa.Add(1), new byte[] { 77 }).ConfigureAwait(false);
        return read is { Outcome: ProbeOutcome.Done, Native: true } && read.Data.Span[0] == 42
            && written is { Outcome: ProbeOutcome.Done, Native: true } && ByteAt(memory, 1) == 77;
    }

    private static async Task<bool> IsEmptyAsync(ProbeVcpu probe, GuestAddress gpa) =>
        (await probe.ReadAsync(gpa, 1).ConfigureAwait(false)).Outcome == ProbeOutcome.Mmio;

    /// <summary>Adds a slot, looks, and deletes it again.</summary>
    private static async Task<(int Errno, bool Effect)> WithSlotAsync(VmThread thread, MemorySlotRequest request, Func<MemorySlot, Task<bool>> look)
    {
        var (slot, errno) = await thread.RunAsync(vm =>
        {
            MemorySlot? made = null;
            var failed = Try(() => made = vm.AddSlot(request));
            return (made, failed);
        }).ConfigureAwait(false);
        if (slot is null)
            return (errno, false);
        try
        {
            return (0, await look(slot).ConfigureAwait(false));
        }
        finally
        {
            await thread.RunAsync(vm => vm.DeleteSlot(slot.Id)).ConfigureAwait(false);
        }
    }

    private async Task<bool> AcceptsAsync(MemorySlotRequest request) =>
        (await WithSlotAsync(_vm, request, _ => Task.FromResult(true)).ConfigureAwait(false)).Errno == 0;

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
}
