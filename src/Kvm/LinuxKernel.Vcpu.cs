using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm;

public sealed unsafe partial class LinuxKernel
{
    public SafeFileHandle GetStatsFd(VcpuFd vcpu) => File(Ioctl(vcpu, KvmIoctl.KVM_GET_STATS_FD, nameof(KvmIoctl.KVM_GET_STATS_FD), null));

    public int Run(VcpuFd vcpu)
    {
        var result = Syscall.Ioctl(vcpu, KvmIoctl.KVM_RUN, null);
        return result < 0 ? (int)-result : 0;
    }

    public void PreFaultMemory(VcpuFd vcpu, GuestAddress gpa, ulong size)
    {
        var argument = new kvm_pre_fault_memory { gpa = gpa.Value, size = size };
        // SAFETY: the structure lives on this stack frame; the kernel writes back into it. EINTR is not seen here: it is repeated with what is left.
        Ioctl(vcpu, KvmIoctl.KVM_PRE_FAULT_MEMORY, nameof(KvmIoctl.KVM_PRE_FAULT_MEMORY), &argument);
    }

    public kvm_regs GetRegs(VcpuFd vcpu)
    {
        kvm_regs regs = default;
        // SAFETY: the kernel fills exactly this structure, on this stack frame.
        Ioctl(vcpu, KvmIoctl.KVM_GET_REGS, nameof(KvmIoctl.KVM_GET_REGS), &regs);
        return regs;
    }

    public void SetRegs(VcpuFd vcpu, in kvm_regs regs)
    {
        var argument = regs;
        // SAFETY: a copy on this stack frame.
        Ioctl(vcpu, KvmIoctl.KVM_SET_REGS, nameof(KvmIoctl.KVM_SET_REGS), &argument);
    }

    public kvm_sregs GetSregs(VcpuFd vcpu)
    {
        kvm_sregs sregs = default;
        // SAFETY: the kernel fills exactly this structure, on this stack frame.
        Ioctl(vcpu, KvmIoctl.KVM_GET_SREGS, nameof(KvmIoctl.KVM_GET_SREGS), &sregs);
        return sregs;
    }

    public void SetSregs(VcpuFd vcpu, in kvm_sregs sregs)
    {
        var argument = sregs;
        // SAFETY: a copy on this stack frame.
        Ioctl(vcpu, KvmIoctl.KVM_SET_SREGS, nameof(KvmIoctl.KVM_SET_SREGS), &argument);
    }

    public void SetCpuid2(VcpuFd vcpu, ReadOnlySpan<kvm_cpuid_entry2> entries)
    {
        var buffer = new byte[8 + (entries.Length * sizeof(kvm_cpuid_entry2))];
        fixed (byte* start = buffer)
        {
            // SAFETY: header and entries fill the pinned buffer exactly.
            *(uint*)start = (uint)entries.Length;
            entries.CopyTo(new Span<kvm_cpuid_entry2>(start + 8, entries.Length));
            Ioctl(vcpu, KvmIoctl.KVM_SET_CPUID2, nameof(KvmIoctl.KVM_SET_CPUID2), start);
        }
    }

    public void SetMpState(VcpuFd vcpu, uint state)
    {
        // SAFETY: struct kvm_mp_state is this one number.
        Ioctl(vcpu, KvmIoctl.KVM_SET_MP_STATE, nameof(KvmIoctl.KVM_SET_MP_STATE), &state);
    }

    public void SetSignalMask(VcpuFd vcpu, ulong blocked)
    {
        // struct kvm_signal_mask: a 32-bit length, then the kernel's 8-byte sigset at offset 4.
        var argument = stackalloc byte[12];
        *(uint*)argument = 8;
        // SAFETY: twelve bytes on this stack frame; the unaligned store is written as such.
        System.Runtime.CompilerServices.Unsafe.WriteUnaligned(argument + 4, blocked);
        Ioctl(vcpu, KvmIoctl.KVM_SET_SIGNAL_MASK, nameof(KvmIoctl.KVM_SET_SIGNAL_MASK), argument);
    }
}
