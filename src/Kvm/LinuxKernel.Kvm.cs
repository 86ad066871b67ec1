using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm;

public sealed unsafe partial class LinuxKernel
{
    /// <summary>Far more leaves than any kernel reports (75 were seen); E2BIG would say that it is too few.</summary>
    private const int MaxCpuidEntries = 256;

    public KvmFd OpenKvm()
    {
        fixed (byte* path = "/dev/kvm"u8)
        {
            // SAFETY: the literal ends with a zero byte and is pinned during the call.
            var name = path;
            var fd = Uninterrupted(() => Syscall.Open(name, OpenReadWrite | OpenCloseOnExec, 0));
            return new KvmFd((int)Check("open(/dev/kvm)", fd), _leaked);
        }
    }

    public int GetApiVersion(KvmFd kvm) => (int)Ioctl(kvm, KvmIoctl.KVM_GET_API_VERSION, nameof(KvmIoctl.KVM_GET_API_VERSION), null);

    public int CheckExtension(KvmFd kvm, KvmCapability capability) =>
        (int)Ioctl(kvm, KvmIoctl.KVM_CHECK_EXTENSION, nameof(KvmIoctl.KVM_CHECK_EXTENSION), (void*)(int)capability);

    public int CheckExtension(VmFd vm, KvmCapability capability) =>
        (int)Ioctl(vm, KvmIoctl.KVM_CHECK_EXTENSION, nameof(KvmIoctl.KVM_CHECK_EXTENSION), (void*)(int)capability);

    // The kernel makes VM, vCPU and statistics descriptors close-on-exec by itself.
    public VmFd CreateVm(KvmFd kvm, uint type) =>
        new((int)Ioctl(kvm, KvmIoctl.KVM_CREATE_VM, nameof(KvmIoctl.KVM_CREATE_VM), (void*)type), _leaked);

    public ulong GetVcpuMmapSize(KvmFd kvm) =>
        (ulong)Ioctl(kvm, KvmIoctl.KVM_GET_VCPU_MMAP_SIZE, nameof(KvmIoctl.KVM_GET_VCPU_MMAP_SIZE), null);

    public kvm_cpuid_entry2[] GetSupportedCpuid(KvmFd kvm)
    {
        var buffer = new byte[8 + (MaxCpuidEntries * sizeof(kvm_cpuid_entry2))];
        fixed (byte* start = buffer)
        {
            // SAFETY: the buffer holds the header and as many entries as the header says; the kernel lowers the number.
            *(uint*)start = MaxCpuidEntries;
            Ioctl(kvm, KvmIoctl.KVM_GET_SUPPORTED_CPUID, nameof(KvmIoctl.KVM_GET_SUPPORTED_CPUID), start);
            return new ReadOnlySpan<kvm_cpuid_entry2>(start + 8, (int)*(uint*)start).ToArray();
        }
    }

    public GuestMemfd CreateGuestMemfd(VmFd vm, ulong size, GuestMemfdFlags flags)
    {
        var argument = new kvm_create_guest_memfd { size = size, flags = (ulong)flags };
        lock (CloseOnExecGate)
        {
            // SAFETY: the structure lives on this stack frame, its reserved part is zero by initialisation.
            var fd = Ioctl(vm, KvmIoctl.KVM_CREATE_GUEST_MEMFD, nameof(KvmIoctl.KVM_CREATE_GUEST_MEMFD), &argument);
            var file = new GuestMemfd((int)fd, _leaked);
            var result = Uninterrupted(() => Syscall.SetCloseOnExec((int)fd));
            if (result >= 0)
                return file;
            file.Dispose();
            throw new KernelException("fcntl(F_SETFD)", (int)-result);
        }
    }

    public void SetUserMemoryRegion2(VmFd vm, in kvm_userspace_memory_region2 region)
    {
        var argument = region;
        // SAFETY: a copy on this stack frame; all 160 bytes belong to the structure.
        Ioctl(vm, KvmIoctl.KVM_SET_USER_MEMORY_REGION2, nameof(KvmIoctl.KVM_SET_USER_MEMORY_REGION2), &argument);
    }

    public void GetDirtyLog(VmFd vm, uint slot, Span<ulong> bitmap)
    {
        fixed (ulong* words = bitmap)
        {
            // SAFETY: pinned during the call. The kernel writes one bit for each page of the slot, so the caller must size it by the slot.
            var argument = new kvm_dirty_log { slot = slot, dirty_bitmap = (ulong)words };
            Ioctl(vm, KvmIoctl.KVM_GET_DIRTY_LOG, nameof(KvmIoctl.KVM_GET_DIRTY_LOG), &argument);
        }
    }

    public void EnableDirtyRing(VmFd vm, ulong bytes)
    {
        var argument = new kvm_enable_cap { cap = (uint)KvmCapability.DirtyLogRingAcqRel, args = bytes };
        // SAFETY: the structure lives on this stack frame.
        Ioctl(vm, KvmIoctl.KVM_ENABLE_CAP, nameof(KvmIoctl.KVM_ENABLE_CAP), &argument);
    }

    public int ResetDirtyRings(VmFd vm) => (int)Ioctl(vm, KvmIoctl.KVM_RESET_DIRTY_RINGS, nameof(KvmIoctl.KVM_RESET_DIRTY_RINGS), null);

    public void SetMemoryAttributes(VmFd vm, GuestAddress gpa, ulong size, bool isPrivate)
    {
        const ulong attributePrivate = 1 << 3;
        var argument = new kvm_memory_attributes { address = gpa.Value, size = size, attributes = isPrivate ? attributePrivate : 0 };
        // SAFETY: the structure lives on this stack frame.
        Ioctl(vm, KvmIoctl.KVM_SET_MEMORY_ATTRIBUTES, nameof(KvmIoctl.KVM_SET_MEMORY_ATTRIBUTES), &argument);
    }

    public VcpuFd CreateVcpu(VmFd vm, uint id) =>
        new((int)Ioctl(vm, KvmIoctl.KVM_CREATE_VCPU, nameof(KvmIoctl.KVM_CREATE_VCPU), (void*)id), _leaked);

    public SafeFileHandle GetStatsFd(VmFd vm) => File(Ioctl(vm, KvmIoctl.KVM_GET_STATS_FD, nameof(KvmIoctl.KVM_GET_STATS_FD), null));
}
