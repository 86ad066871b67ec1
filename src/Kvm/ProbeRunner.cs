using System.Diagnostics;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Kvm;

/// <summary>
/// Drives the probe's vCPU: 64-bit code at privilege level 3, started anew for each access. Everything but the kick belongs on the probe's
/// thread.
/// </summary>
internal sealed unsafe class ProbeRunner : IAsyncDisposable
{
    /// <summary>Any real-time signal that nobody else uses; it is blocked on the probe's thread for ever and sent to no other.</summary>
    private const int KickSignal = 50;

    /// <summary>
    /// Only the bit that is always set. IOPL would not do for the <c>out</c> at the end: KVM_PVM loses it, the task state's bitmap it
    /// honours.
    /// </summary>
    private const ulong Flags = 0x2;

    /// <summary>An exit with work left (a port, an MMIO in several parts) is finished in one or two runs; never more than this.</summary>
    private const int MaxCompletions = 16;

    private readonly IKernel _kernel;
    private readonly VcpuFd _vcpu;
    private readonly ProbeMemory _memory;
    private readonly kvm_run* _run;
    private readonly DirtyRing? _ring;
    private readonly Timer _watchdog;
    private Statistics? _statistics;
    private ulong? _ownEmulations;
    private kvm_sregs _start;
    private bool _broken;
    private bool _stopped;
    private int _tid;

    // SAFETY: the mapping of kvm_run outlives this object; the owner unmaps it after DisposeAsync.
    public ProbeRunner(IKernel kernel, VcpuFd vcpu, ProbeMemory memory, HostAddress run, DirtyRing? ring)
    {
        _kernel = kernel;
        _vcpu = vcpu;
        _memory = memory;
        _run = (kvm_run*)run.Value;
        _ring = ring;
        _watchdog = new Timer(_ => Kick(), null, Timeout.Infinite, Timeout.Infinite);
    }

    /// <summary>Prepares thread and vCPU, and measures a run without any access.</summary>
    /// <exception cref="KernelException">EOPNOTSUPP: this KVM does not run the code; else the call that failed.</exception>
    public void Prepare(ReadOnlySpan<kvm_cpuid_entry2> cpuid, bool statistics)
    {
        _tid = _kernel.Gettid();
        _kernel.BlockSignal(KickSignal);
        // During KVM_RUN only the kick gets through, and as it is blocked again outside, no handler ever runs. Source: api.rst 4.26.
        _kernel.SetSignalMask(_vcpu, ~(1UL << (KickSignal - 1)));
        _kernel.SetCpuid2(_vcpu, cpuid);
        _start = LongModeAtLevelThree(_kernel.GetSregs(_vcpu));
        _broken = true;
        if (statistics)
            _statistics = new Statistics(_kernel, _kernel.GetStatsFd(_vcpu));
        var before = Emulations();
        if (Run(ProbeMemory.CopyEntry, default, default, 0, TimeSpan.FromSeconds(10)).Outcome != ProbeOutcome.Done)
            throw new KernelException("ioctl(KVM_RUN)", Errno.EOPNOTSUPP);
        // KVM_PVM emulates the out at the end, others do not. Whatever comes on top of that was an access.
        _ownEmulations = Emulations() - before;
    }

    /// <summary>Runs from an entry of the code page until it leaves the guest or the time is over.</summary>
    public ProbeResult Run(ulong entry, GuestAddress source, GuestAddress target, ulong count, TimeSpan timeout)
    {
        ObjectDisposedException.ThrowIf(_stopped, this);
        if (_broken)
        {
            _kernel.SetSregs(_vcpu, _start);
            _kernel.SetMpState(_vcpu, 0);
            _broken = false;
        }

        _kernel.SetRegs(
            _vcpu,
            new kvm_regs { rip = _memory.Entry(entry).Value, rflags = Flags, rsi = source.Value, rdi = target.Value, rcx = count });
        var before = Emulations();
        var result = Explain(RunUntilExit(timeout));
        // Only a run that is done came to the out at the end.
        var allowed = result.Outcome == ProbeOutcome.Done ? _ownEmulations : 0;
        return result with { Native = _ownEmulations is not null && Emulations() - before <= allowed };
    }

    /// <summary>Refuses further runs, as nobody will watch them.</summary>
    public bool Stop() => _stopped = true;

    /// <summary>
    /// After <see cref="Stop"/>. No kick comes after this: a signal to a thread that has ended could hit the next one of that number.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        _statistics?.Dispose();
        return _watchdog.DisposeAsync();
    }

    /// <returns>0, the errno of KVM_RUN, or ETIMEDOUT.</returns>
    private int RunUntilExit(TimeSpan timeout)
    {
        var started = Stopwatch.GetTimestamp();
        _run->exit_reason = (uint)KvmExit.Unknown;
        _watchdog.Change(timeout, TimeSpan.FromMilliseconds(10));
        try
        {
            while (true)
            {
                // A kick that comes behind these two lines is not lost: immediate_exit and the pending signal both end the next KVM_RUN.
                Volatile.Write(ref _run->immediate_exit, 0);
                while (_kernel.TakePendingSignal(KickSignal))
                {
                }

                if (Stopwatch.GetElapsedTime(started) >= timeout)
                    return Errno.ETIMEDOUT;
                var errno = _kernel.Run(_vcpu);
                if (errno == 0 && _run->exit_reason == (uint)KvmExit.DirtyRingFull && _ring is not null)
                    _ring.Collect();
                else if (errno is not (Errno.EINTR or Errno.EAGAIN))
                    return errno;
            }
        }
        finally
        {
            _watchdog.Change(Timeout.Infinite, Timeout.Infinite);
        }
    }

    private ProbeResult Explain(int errno)
    {
        var reason = (KvmExit)_run->exit_reason;
        switch (errno, reason)
        {
            case (0, KvmExit.Io):
                Complete(reason);
                return new ProbeResult(ProbeOutcome.Done, false);
            case (0, KvmExit.Mmio):
                var gpa = new GuestAddress(_run->mmio_phys_addr);
                Complete(reason);
                return new ProbeResult(ProbeOutcome.Mmio, false) { FaultAddress = gpa };
            case (Errno.EFAULT or Errno.EHWPOISON, KvmExit.MemoryFault):
                return new ProbeResult(ProbeOutcome.MemoryFault, false) { FaultAddress = new GuestAddress(_run->memory_fault_gpa) };
            case (Errno.EFAULT, _):
                return new ProbeResult(ProbeOutcome.Efault, false) { FaultAddress = AddressInRegisters() };
            case (Errno.ETIMEDOUT, _):
                return new ProbeResult(ProbeOutcome.Timeout, false);
            default:
                _broken = true;
                var text = errno == 0 ? $"exit reason {(uint)reason}" : $"{Errno.Name(errno)}, exit reason {(uint)reason}";
                return new ProbeResult(ProbeOutcome.Shutdown, false) { Detail = text };
        }
    }

    /// <summary>
    /// Lets KVM finish the instruction that left the guest, without entering it again. Source: api.rst 5, immediate_exit and KVM_EXIT_MMIO.
    /// </summary>
    private void Complete(KvmExit reason)
    {
        Volatile.Write(ref _run->immediate_exit, 1);
        for (var i = 0; i < MaxCompletions; i++)
        {
            if (reason == KvmExit.Mmio)
            {
                // The emulator would go on with the next byte of rep movsb, each an exit of its own. With a count of 1 the byte that was
                // asked for
                // is the last; with 0 it would not be taken, and answer the next access instead (seen on 6.18).
                var regs = _kernel.GetRegs(_vcpu);
                regs.rcx = 1;
                _kernel.SetRegs(_vcpu, regs);
            }

            if (_kernel.Run(_vcpu) != 0)
                return;
            reason = (KvmExit)_run->exit_reason;
        }

        _broken = true;
    }

    /// <summary>The side of the copy that is not the probe's buffer: virtual and physical addresses are the same.</summary>
    private GuestAddress AddressInRegisters()
    {
        var regs = _kernel.GetRegs(_vcpu);
        var inBuffer = regs.rsi - _memory.Buffer.Value <= ProbeMemory.BufferSize;
        return new GuestAddress(inBuffer ? regs.rdi : regs.rsi);
    }

    private ulong? Emulations() => _statistics?.Read("insn_emulation");

    private void Kick()
    {
        Volatile.Write(ref _run->immediate_exit, 1);
        try
        {
            _kernel.Tgkill(_tid, KickSignal);
        }
        catch (KernelException)
        {
            // EAGAIN: too many signals queued. The next tick tries again.
        }
    }

    private kvm_sregs LongModeAtLevelThree(kvm_sregs sregs)
    {
        var code = new kvm_segment { limit = uint.MaxValue, selector = 0x33, type = 11, present = 1, dpl = 3, s = 1, l = 1, g = 1 };
        var data = new kvm_segment { limit = uint.MaxValue, selector = 0x2b, type = 3, present = 1, dpl = 3, s = 1, db = 1, g = 1 };
        sregs.cs = code;
        sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
        sregs.tr = new kvm_segment
        {
            @base = _memory.Entry(ProbeMemory.TaskState).Value,
            limit = ProbeMemory.TaskStateLimit,
            type = 11, // busy 64-bit TSS
            present = 1,
        };
        // No interrupt and descriptor tables: at reset they lie at address 0, where guest memory would decide what runs after a fault.
        sregs.idt = default;
        sregs.gdt = default;
        sregs.ldt = new kvm_segment { unusable = 1 };
        sregs.cr3 = _memory.Root.Value;
        sregs.cr4 = 0x620; // PAE, OSFXSR, OSXMMEXCPT
        sregs.cr0 = 0x80050033; // PG, AM, WP, NE, ET, MP, PE
        sregs.efer = 0x500; // LMA, LME
        return sregs;
    }
}
