using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Daemon.Tests.Support;

/// <summary>The real kernel, but for one call that fails before it is made: for what <see cref="FakeKernel"/> cannot do, as running a vCPU.</summary>
internal sealed partial class FailingKernel(IKernel real) : IKernel
{
    private readonly HashSet<(VmFd Vm, uint Slot)> _told = [];
    private int _countdown;

    /// <summary>Fails the n-th call from now on, whichever it is, once.</summary>
    public void FailAt(int nth) => Volatile.Write(ref _countdown, nth);

    /// <summary>
    /// What KVM is told in place of the slot that was asked for, while it says that it did as asked; null: nothing at all. What it was not told
    /// of needs no deleting.
    /// </summary>
    public Func<kvm_userspace_memory_region2, kvm_userspace_memory_region2?>? Slots { get; init; }

    /// <summary>Whether the call that was to fail has come.</summary>
    public bool HasFailed => Volatile.Read(ref _countdown) <= 0;

    public Lock CloseOnExecGate => real.CloseOnExecGate;

    public string KernelRelease => real.KernelRelease;

    public KvmFd OpenKvm() => Next().OpenKvm();

    public int GetApiVersion(KvmFd kvm) => Next().GetApiVersion(kvm);

    public int CheckExtension(KvmFd kvm, KvmCapability capability) => Next().CheckExtension(kvm, capability);

    public int CheckExtension(VmFd vm, KvmCapability capability) => Next().CheckExtension(vm, capability);

    public VmFd CreateVm(KvmFd kvm, uint type) => Next().CreateVm(kvm, type);

    public ulong GetVcpuMmapSize(KvmFd kvm) => Next().GetVcpuMmapSize(kvm);

    public kvm_cpuid_entry2[] GetSupportedCpuid(KvmFd kvm) => Next().GetSupportedCpuid(kvm);

    public GuestMemfd CreateGuestMemfd(VmFd vm, ulong size, GuestMemfdFlags flags) => Next().CreateGuestMemfd(vm, size, flags);

    public void SetUserMemoryRegion2(VmFd vm, in kvm_userspace_memory_region2 region)
    {
        var slot = (vm, region.slot);
        if (region.memory_size == 0)
        {
            if (_told.Remove(slot) || Slots is null)
                Next().SetUserMemoryRegion2(vm, region);
        }
        else if ((Slots is null ? region : Slots(region)) is { } told)
        {
            Next().SetUserMemoryRegion2(vm, told);
            _told.Add(slot);
        }
    }

    public void GetDirtyLog(VmFd vm, uint slot, Span<ulong> bitmap) => Next().GetDirtyLog(vm, slot, bitmap);

    public void EnableDirtyRing(VmFd vm, ulong bytes) => Next().EnableDirtyRing(vm, bytes);

    public int ResetDirtyRings(VmFd vm) => Next().ResetDirtyRings(vm);

    public void SetMemoryAttributes(VmFd vm, GuestAddress gpa, ulong size, bool isPrivate) => Next().SetMemoryAttributes(vm, gpa, size, isPrivate);

    public void PreFaultMemory(VcpuFd vcpu, GuestAddress gpa, ulong size) => Next().PreFaultMemory(vcpu, gpa, size);

    public VcpuFd CreateVcpu(VmFd vm, uint id) => Next().CreateVcpu(vm, id);

    public SafeFileHandle GetStatsFd(VcpuFd vcpu) => Next().GetStatsFd(vcpu);

    public SafeFileHandle GetStatsFd(VmFd vm) => Next().GetStatsFd(vm);

    public int Run(VcpuFd vcpu) => Next().Run(vcpu);

    public kvm_regs GetRegs(VcpuFd vcpu) => Next().GetRegs(vcpu);

    public void SetRegs(VcpuFd vcpu, in kvm_regs regs) => Next().SetRegs(vcpu, regs);

    public kvm_sregs GetSregs(VcpuFd vcpu) => Next().GetSregs(vcpu);

    public void SetSregs(VcpuFd vcpu, in kvm_sregs sregs) => Next().SetSregs(vcpu, sregs);

    public void SetCpuid2(VcpuFd vcpu, ReadOnlySpan<kvm_cpuid_entry2> entries) => Next().SetCpuid2(vcpu, entries);

    public void SetMpState(VcpuFd vcpu, uint state) => Next().SetMpState(vcpu, state);

    public void SetSignalMask(VcpuFd vcpu, ulong blocked) => Next().SetSignalMask(vcpu, blocked);

    public SafeFileHandle Open(string path, int flags, uint mode) => Next().Open(path, flags, mode);

    public void Unlink(string path) => Next().Unlink(path);

    public void Chown(string path, uint user, uint group) => Next().Chown(path, user, group);

    public Memfd MemfdCreate(string name, MemfdFlags flags, ulong hugePageSize = 0) => Next().MemfdCreate(name, flags, hugePageSize);

    public void Ftruncate(SafeHandle file, ulong size) => Next().Ftruncate(file, size);

    public void Fallocate(SafeHandle file, FallocateMode mode, ulong offset, ulong length) => Next().Fallocate(file, mode, offset, length);

    public void AddSeals(SafeHandle file, FileSeals seals) => Next().AddSeals(file, seals);

    public FileSeals GetSeals(SafeHandle file) => Next().GetSeals(file);

    public SafeFileHandle Duplicate(SafeHandle file) => Next().Duplicate(file);

    public FileStatus Fstat(SafeHandle file) => Next().Fstat(file);

    public ulong SeekEnd(SafeHandle file) => Next().SeekEnd(file);

    public ulong? SeekData(SafeHandle file, ulong offset) => Next().SeekData(file, offset);

    public ulong SeekHole(SafeHandle file, ulong offset) => Next().SeekHole(file, offset);

    public FileSystemStatus Fstatfs(SafeHandle file) => Next().Fstatfs(file);

    public int Pread(SafeHandle file, Span<byte> buffer, ulong offset) => Next().Pread(file, buffer, offset);

    public int Pwrite(SafeHandle file, ReadOnlySpan<byte> buffer, ulong offset) => Next().Pwrite(file, buffer, offset);

    public HostAddress Mmap(HostAddress address, ulong length, MemoryProtection protection, MapFlags flags, SafeHandle? file, ulong offset) =>
        Next().Mmap(address, length, protection, flags, file, offset);

    public int GetOvercommitMode() => Next().GetOvercommitMode();

    public void Munmap(HostAddress address, ulong length) => Next().Munmap(address, length);

    public void Mprotect(HostAddress address, ulong length, MemoryProtection protection) => Next().Mprotect(address, length, protection);

    public void Madvise(HostAddress address, ulong length, MemoryAdvice advice) => Next().Madvise(address, length, advice);

    public void Mbind(HostAddress address, ulong length, MemoryPolicy policy, IReadOnlyCollection<uint> nodes) =>
        Next().Mbind(address, length, policy, nodes);

    public MemoryPolicy GetMempolicy(HostAddress address) => Next().GetMempolicy(address);

    public void ReadMemory(HostAddress source, Span<byte> target) => Next().ReadMemory(source, target);

    public void WriteMemory(HostAddress target, ReadOnlySpan<byte> source) => Next().WriteMemory(target, source);

    public SystemMemory Sysinfo() => Next().Sysinfo();

    public void SetRlimit(ResourceKind kind, ResourceLimit limit) => Next().SetRlimit(kind, limit);

    public int Gettid() => Next().Gettid();

    public void Tgkill(int tid, int signal) => Next().Tgkill(tid, signal);

    public IReadOnlyList<int> GetAffinity(int tid) => Next().GetAffinity(tid);

    public void SetAffinity(int tid, IReadOnlyCollection<int> cpus) => Next().SetAffinity(tid, cpus);

    public IReadOnlyList<int> GetCpusOfNode(uint node) => Next().GetCpusOfNode(node);

    public void BlockSignal(int signal) => Next().BlockSignal(signal);

    public bool TakePendingSignal(int signal) => Next().TakePendingSignal(signal);

    private IKernel Next([System.Runtime.CompilerServices.CallerMemberName] string method = "") =>
        Interlocked.Decrement(ref _countdown) == 0 ? throw new KernelException(method, Errno.ENOSPC) : real;
}
