using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Kvm;

/// <summary>
/// A vCPU that shows what a guest sees: it copies between guest memory and a buffer of its own, natively, with no guest OS.
/// </summary>
/// <remarks>
/// One access at a time on a thread of its own, "probe-vcpu". After any outcome the next access works. Its code and page tables are in a
/// slot of their own (use: probe) above the machine's map. Create it when it is first needed: it costs a vCPU id that never comes back.
/// </remarks>
public sealed class ProbeVcpu : IAsyncDisposable
{
    /// <summary>Bytes of guest physical memory that the probe's slot takes.</summary>
    public const ulong SlotSize = ProbeMemory.Size;

    /// <summary>The most that one access moves.</summary>
    public const int MaxTransfer = ProbeMemory.BufferSize;

    private const ulong LowerHalf = (1UL << 47) - 1;

    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(5);

    private readonly WorkThread _thread = new("probe-vcpu");
    private readonly VmThread _vm;
    private readonly ProbeMemory _memory;
    private readonly Parts _parts;
    private readonly ProbeRunner _runner;
    private int _disposed;

    private ProbeVcpu(VmThread vm, ProbeMemory memory, Parts parts)
    {
        _vm = vm;
        _memory = memory;
        _parts = parts;
        _runner = new ProbeRunner(vm.Kernel, parts.Vcpu, memory, parts.Run, parts.Ring);
    }

    /// <summary>The private slot.</summary>
    public MemorySlot Slot => _parts.Slot;

    /// <summary>The last address the probe reaches: the processor's, within the lower half of a 48-bit address space.</summary>
    public static GuestAddress HighestAddress(KvmCapabilities capabilities)
    {
        ArgumentNullException.ThrowIfNull(capabilities);
        return new GuestAddress(Math.Min(capabilities.MaxGuestAddress.Value, LowerHalf));
    }

    /// <summary>Makes slot and vCPU, starts the thread and tries it out.</summary>
    /// <param name="gpa">Where the private slot goes: page aligned, <see cref="SlotSize"/> bytes, above everything else.</param>
    /// <exception cref="KernelException">
    /// The call that failed; nothing is left. EOPNOTSUPP: not x86-64, or a KVM that cannot run the code.
    /// </exception>
    /// <exception cref="MemorySlotException">Overlap, or no slot left.</exception>
    public static async Task<ProbeVcpu> CreateAsync(VmThread vm, GuestAddress gpa, Action<string>? leaked = null)
    {
        ArgumentNullException.ThrowIfNull(vm);
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64 || !vm.Capabilities.ImmediateExit)
            throw new KernelException("ioctl(KVM_CREATE_VCPU)", Errno.EOPNOTSUPP);
        ThrowIfUnreachable(vm, gpa, SlotSize);
        var memory = ProbeMemory.Create(vm.Kernel, gpa, leaked);
        Parts parts;
        try
        {
            parts = await vm.RunAsync(v => Parts.Create(v, vm.Kernel, memory, gpa)).ConfigureAwait(false);
        }
        catch
        {
            memory.Dispose();
            throw;
        }

        var probe = new ProbeVcpu(vm, memory, parts);
        try
        {
            probe._thread.Start();
            await probe._thread.RunAsync(() => probe.Prepare(vm.Capabilities.BinaryStats)).ConfigureAwait(false);
            return probe;
        }
        catch
        {
            await probe.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Reads guest physical memory as a vCPU does.</summary>
    /// <param name="gpa">Any alignment.</param>
    /// <param name="size">1 to <see cref="MaxTransfer"/> bytes.</param>
    /// <param name="timeout">Five seconds if not given.</param>
    /// <exception cref="ArgumentException">
    /// The range is empty, too large, beyond what a vCPU here reaches, or the probe's own slot.
    /// </exception>
    public Task<ProbeResult> ReadAsync(GuestAddress gpa, int size, TimeSpan? timeout = null)
    {
        ThrowIfNotAllowed(gpa, size);
        return _thread.RunAsync(() =>
        {
            _memory.Cover(gpa, (ulong)size);
            var result = _runner.Run(ProbeMemory.CopyEntry, gpa, _memory.Buffer, (ulong)size, timeout ?? DefaultTimeout);
            return result.Outcome == ProbeOutcome.Done ? result with { Data = _memory.BufferBytes[..size].ToArray() } : result;
        });
    }

    /// <summary>Writes guest physical memory as a vCPU does. Unless it is done, a part may be written.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public Task<ProbeResult> WriteAsync(GuestAddress gpa, ReadOnlyMemory<byte> data, TimeSpan? timeout = null)
    {
        ThrowIfNotAllowed(gpa, data.Length);
        return _thread.RunAsync(() =>
        {
            data.Span.CopyTo(_memory.BufferBytes);
            _memory.Cover(gpa, (ulong)data.Length);
            return _runner.Run(ProbeMemory.CopyEntry, _memory.Buffer, gpa, (ulong)data.Length, timeout ?? DefaultTimeout);
        });
    }

    /// <summary>Pages written since the last call, in slots whose dirty log was on; each counts once. 0 where the VM has no dirty ring.</summary>
    /// <exception cref="KernelException">As <see cref="IKernel.ResetDirtyRings"/>.</exception>
    public Task<long> TakeDirtyPagesAsync()
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return _thread.RunAsync(() => _parts.Ring?.Take() ?? 0);
    }

    /// <summary>Asks KVM to make pages before they are touched.</summary>
    /// <exception cref="KernelException">As <see cref="IKernel.PreFaultMemory"/>.</exception>
    internal Task PreFaultAsync(GuestAddress gpa, ulong size)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return _thread.RunAsync(() =>
        {
            _vm.Kernel.PreFaultMemory(_parts.Vcpu, gpa, size);
            return true;
        });
    }

    /// <summary>What KVM counts for the vCPU.</summary>
    /// <exception cref="KernelException">As <see cref="Vm.ReadStatistics"/>.</exception>
    public Task<IReadOnlyList<Statistic>> ReadStatisticsAsync()
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return _thread.RunAsync(() =>
        {
            using var statistics = new Statistics(_vm.Kernel, _vm.Kernel.GetStatsFd(_parts.Vcpu));
            return statistics.ReadAll();
        });
    }

    /// <summary>Ends the thread, deletes the slot, unmaps. Disposing the VM thread first is fine: the slot is gone then.</summary>
    /// <exception cref="KernelException">The slot could not be deleted: its memory stays mapped, the slot is quarantined.</exception>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        // First the running access ends, still watched; then no kick comes any more; then the thread may go.
        await _thread.RunAsync(_runner.Stop).ConfigureAwait(false);
        await _runner.DisposeAsync().ConfigureAwait(false);
        await _thread.DisposeAsync().ConfigureAwait(false);
        try
        {
            await _vm.RunAsync(v => v.DeleteSlot(_parts.Slot.Id)).ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // The VM thread deleted it when it ended.
        }

        _parts.Close(_vm.Kernel);
        _memory.Dispose();
    }

    /// <summary>For tests: other entries of the code page.</summary>
    internal Task<ProbeResult> RunAsync(ulong entry, TimeSpan timeout)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return _thread.RunAsync(() => _runner.Run(entry, default, default, 0, timeout));
    }

    private bool Prepare(bool statistics)
    {
        _runner.Prepare(_parts.Cpuid, statistics);
        return true;
    }

    private void ThrowIfNotAllowed(GuestAddress gpa, int size)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, MaxTransfer);
        ThrowIfUnreachable(_vm, gpa, (ulong)size);
        if (Slot.Overlaps(gpa, (ulong)size))
            throw new ArgumentException("The probe does not look at its own memory.", nameof(gpa));
    }

    private static void ThrowIfUnreachable(VmThread vm, GuestAddress gpa, ulong size)
    {
        var highest = HighestAddress(vm.Capabilities);
        if (!gpa.TryAdd(size - 1, out var last) || last > highest)
            throw new ArgumentOutOfRangeException(nameof(gpa), gpa, $"A vCPU here reaches {highest}.");
    }

    /// <summary>What is made on the VM thread.</summary>
    private sealed record Parts(MemorySlot Slot, VcpuFd Vcpu, HostAddress Run, ulong RunSize, DirtyRing? Ring, kvm_cpuid_entry2[] Cpuid)
    {
        public static Parts Create(Vm vm, IKernel kernel, ProbeMemory memory, GuestAddress gpa)
        {
            var cpuid = kernel.GetSupportedCpuid(vm.Kvm);
            var size = kernel.GetVcpuMmapSize(vm.Kvm);
            var vcpu = vm.CreateVcpu();
            HostAddress run = default;
            DirtyRing? ring = null;
            try
            {
                run = kernel.Mmap(default, size, MemoryProtection.Read | MemoryProtection.Write, MapFlags.Shared, vcpu, 0);
                if (vm.DirtyRingEntries > 0)
                    ring = DirtyRing.Map(kernel, vm.Fd, vcpu, vm.DirtyRingEntries);
                // Last, so that no failure leaves a slot behind.
                var request = new MemorySlotRequest { Gpa = gpa, Size = SlotSize, Hva = memory.Address, Use = MemorySlotUse.Probe };
                return new Parts(vm.AddSlot(request), vcpu, run, size, ring, cpuid);
            }
            catch
            {
                ring?.Unmap();
                if (run != default)
                    kernel.Munmap(run, size);
                vcpu.Dispose();
                throw;
            }
        }

        public void Close(IKernel kernel)
        {
            Ring?.Unmap();
            kernel.Munmap(Run, RunSize);
            Vcpu.Dispose();
        }
    }
}
