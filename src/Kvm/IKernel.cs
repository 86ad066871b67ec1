using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm;

/// <summary>The one seam to the kernel: every system call and ioctl made here, one method each, in the kernel's words.</summary>
/// <remarks>
/// Every method throws <see cref="KernelException"/> with the errno as it came, and retries EINTR unless it says otherwise. Thread safe.
/// This file: KVM. The others: <c>IKernel.Files.cs</c>, <c>IKernel.Memory.cs</c>, <c>IKernel.Process.cs</c>.
/// </remarks>
public partial interface IKernel
{
    /// <summary>Opens /dev/kvm, close-on-exec.</summary>
    /// <exception cref="KernelException">ENOENT: no KVM. EACCES: not in the group that may use it.</exception>
    KvmFd OpenKvm();

    /// <summary>KVM_GET_API_VERSION; anything but 12 must not be used. Source: api.rst 4.1.</summary>
    int GetApiVersion(KvmFd kvm);

    /// <summary>KVM_CHECK_EXTENSION of the system; 0 where the capability is not there. Source: api.rst 4.4.</summary>
    int CheckExtension(KvmFd kvm, KvmCapability capability);

    /// <summary>KVM_CHECK_EXTENSION of one VM, whose type may have less than the system. Source: api.rst 4.4.</summary>
    int CheckExtension(VmFd vm, KvmCapability capability);

    /// <summary>KVM_CREATE_VM. Source: api.rst 4.2.</summary>
    /// <param name="type">0: the default. Others are bits of <see cref="KvmCapability.VmTypes"/>.</param>
    /// <exception cref="KernelException">EINVAL: type not known. ENOMEM.</exception>
    VmFd CreateVm(KvmFd kvm, uint type);

    /// <summary>KVM_GET_VCPU_MMAP_SIZE: bytes to map of a <see cref="VcpuFd"/>. Source: api.rst 4.5.</summary>
    ulong GetVcpuMmapSize(KvmFd kvm);

    /// <summary>KVM_GET_SUPPORTED_CPUID. Source: api.rst 4.46.</summary>
    kvm_cpuid_entry2[] GetSupportedCpuid(KvmFd kvm);

    /// <summary>KVM_CREATE_GUEST_MEMFD, and FD_CLOEXEC under <see cref="CloseOnExecGate"/> because the kernel does not set it.</summary>
    /// <param name="size">Bytes, page aligned. Nothing is allocated or reserved: the kernel takes 1 PiB.</param>
    /// <exception cref="KernelException">EINVAL: size or flags. EIO: a VM of another process. EMFILE.</exception>
    /// <remarks>Needs KVM_CAP_GUEST_MEMFD, and KVM_CAP_GUEST_MEMFD_FLAGS for any flag. Source: api.rst 4.142.</remarks>
    GuestMemfd CreateGuestMemfd(VmFd vm, ulong size, GuestMemfdFlags flags);

    /// <summary>Creates, changes or (size 0) deletes a memory slot: KVM_SET_USER_MEMORY_REGION2.</summary>
    /// <exception cref="KernelException">
    /// EEXIST: overlaps another slot. EINVAL: alignment, flags, or no such slot to delete. EBADF. ENOMEM.
    /// </exception>
    /// <remarks>The mapping must outlive the slot. Needs KVM_CAP_USER_MEMORY2. Source: api.rst 4.140.</remarks>
    void SetUserMemoryRegion2(VmFd vm, in kvm_userspace_memory_region2 region);

    /// <summary>KVM_GET_DIRTY_LOG: one bit a page since the last call, which it clears. Source: api.rst 4.8.</summary>
    /// <param name="bitmap">64-bit words for the whole slot.</param>
    /// <exception cref="KernelException">ENOENT: the slot logs nothing or is not there.</exception>
    void GetDirtyLog(VmFd vm, uint slot, Span<ulong> bitmap);

    /// <summary>KVM_ENABLE_CAP of KVM_CAP_DIRTY_LOG_RING_ACQ_REL; before the first vCPU, and the bitmaps are gone. Source: api.rst 8.29.</summary>
    /// <param name="bytes">Of each vCPU's ring: a power of two, 16 for an entry.</param>
    /// <exception cref="KernelException">EINVAL: no such size, or there are vCPUs.</exception>
    void EnableDirtyRing(VmFd vm, ulong bytes);

    /// <summary>KVM_RESET_DIRTY_RINGS: entries that were taken are free again, and their pages protected. Any thread. Source: api.rst 8.29.</summary>
    /// <returns>How many they were.</returns>
    int ResetDirtyRings(VmFd vm);

    /// <summary>KVM_SET_MEMORY_ATTRIBUTES: makes guest addresses private, or shared again. Source: api.rst 4.141.</summary>
    /// <exception cref="KernelException">ENOTTY: this KVM knows no attributes. EINVAL: not this one, or not for this type of VM.</exception>
    void SetMemoryAttributes(VmFd vm, GuestAddress gpa, ulong size, bool isPrivate);

    /// <summary>KVM_PRE_FAULT_MEMORY: makes pages and their mapping before the vCPU needs them. Source: api.rst 4.143.</summary>
    /// <exception cref="KernelException">EOPNOTSUPP: not with this MMU. ENOENT: no slot there. ENOTTY.</exception>
    void PreFaultMemory(VcpuFd vcpu, GuestAddress gpa, ulong size);

    /// <summary>KVM_CREATE_VCPU. An id stays taken until the VM ends. Source: api.rst 4.7.</summary>
    /// <exception cref="KernelException">EEXIST: id taken. EINVAL: id beyond the maximum.</exception>
    VcpuFd CreateVcpu(VmFd vm, uint id);

    /// <summary>KVM_GET_STATS_FD of a vCPU. Source: api.rst 4.135.</summary>
    SafeFileHandle GetStatsFd(VcpuFd vcpu);

    /// <summary>KVM_GET_STATS_FD of a VM. Source: api.rst 4.135.</summary>
    SafeFileHandle GetStatsFd(VmFd vm);

    /// <summary>KVM_RUN. Not retried and no exception: EINTR and EFAULT are answers. Source: api.rst 4.10.</summary>
    /// <returns>0, or the errno; the reason is in the mapped kvm_run.</returns>
    int Run(VcpuFd vcpu);

    /// <summary>KVM_GET_REGS, x86. Source: api.rst 4.11.</summary>
    kvm_regs GetRegs(VcpuFd vcpu);

    /// <summary>KVM_SET_REGS, x86. Source: api.rst 4.12.</summary>
    void SetRegs(VcpuFd vcpu, in kvm_regs regs);

    /// <summary>KVM_GET_SREGS, x86. Source: api.rst 4.13.</summary>
    kvm_sregs GetSregs(VcpuFd vcpu);

    /// <summary>KVM_SET_SREGS, x86. Source: api.rst 4.14.</summary>
    void SetSregs(VcpuFd vcpu, in kvm_sregs sregs);

    /// <summary>KVM_SET_CPUID2, x86; before the first KVM_RUN. Source: api.rst 4.57.</summary>
    void SetCpuid2(VcpuFd vcpu, ReadOnlySpan<kvm_cpuid_entry2> entries);

    /// <summary>KVM_SET_MP_STATE. Source: api.rst 4.39.</summary>
    /// <param name="state">0: runnable.</param>
    void SetMpState(VcpuFd vcpu, uint state);

    /// <summary>
    /// KVM_SET_SIGNAL_MASK: the signals blocked while KVM_RUN runs, in place of the thread's own mask. Source: api.rst 4.26.
    /// </summary>
    /// <param name="blocked">Bit n-1 for signal n.</param>
    void SetSignalMask(VcpuFd vcpu, ulong blocked);
}
