using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm.Tests;

/// <summary>
/// A kernel that keeps books of descriptors, mappings, pages and slots, and fails the n-th call of a method on demand. It runs no vCPU.
/// Behind every descriptor is a real one of /dev/null, so that closing and leaking are real.
/// </summary>
public sealed partial class FakeKernel : IKernel
{
    private readonly object _lock = new();
    private readonly Dictionary<string, (int Countdown, int Errno)> _failures = [];
    private readonly Dictionary<SafeHandle, FakeFile> _files = [];
    private readonly Dictionary<VmFd, SortedDictionary<uint, kvm_userspace_memory_region2>> _vms = [];

    /// <summary>Every call by its method's name, in order.</summary>
    public List<string> Calls { get; } = [];

    /// <summary>Methods that say they have succeeded and have done nothing.</summary>
    public HashSet<string> Lies { get; } = [];

    /// <summary>Told of every call, on its thread.</summary>
    public Action<string>? OnCall { get; set; }

    /// <summary>Values of KVM_CHECK_EXTENSION; those not in it are 0.</summary>
    public Dictionary<KvmCapability, int> Extensions { get; } = new()
    {
        [KvmCapability.UserMemory2] = 1,
        [KvmCapability.NrMemslots] = 32764,
        [KvmCapability.GuestMemfd] = 1,
        [KvmCapability.GuestMemfdFlags] = 3,
        [KvmCapability.VmTypes] = 1,
        [KvmCapability.ReadonlyMem] = 1,
    };

    public int ApiVersion { get; set; } = 12;

    /// <summary>Flags of a guest_memfd that it does not know are no error.</summary>
    public bool TakesAnyFlag { get; set; }

    public int OpenDescriptors => _files.Keys.Count(handle => !handle.IsClosed);

    /// <summary>Fails the n-th call from now on of a method, once.</summary>
    public void FailAt(string method, int nth, int errno)
    {
        lock (_lock)
            _failures[method] = (nth, errno);
    }

    /// <summary>The slots of a VM by their number.</summary>
    public IReadOnlyDictionary<uint, kvm_userspace_memory_region2> SlotsOf(int vm = 0)
    {
        lock (_lock)
            return _vms.Values.ElementAt(vm);
    }

    public KvmFd OpenKvm() => Enter(nameof(OpenKvm), () => Register(new KvmFd(Null()), new FakeFile("kvm")));

    public int GetApiVersion(KvmFd kvm) => Enter(nameof(GetApiVersion), () => ApiVersion);

    public int CheckExtension(KvmFd kvm, KvmCapability capability) => Enter(nameof(CheckExtension), () => Extensions.GetValueOrDefault(capability));

    public int CheckExtension(VmFd vm, KvmCapability capability) => Enter(nameof(CheckExtension), () => Extensions.GetValueOrDefault(capability));

    public VmFd CreateVm(KvmFd kvm, uint type) => Enter(nameof(CreateVm), () =>
    {
        var vm = Register(new VmFd(Null()), new FakeFile("kvm-vm"));
        _vms.Add(vm, []);
        return vm;
    });

    public ulong GetVcpuMmapSize(KvmFd kvm) => Enter(nameof(GetVcpuMmapSize), () => 12288UL);

    public kvm_cpuid_entry2[] GetSupportedCpuid(KvmFd kvm) =>
        Enter(nameof(GetSupportedCpuid), () => new[] { new kvm_cpuid_entry2 { function = 0x80000008, eax = 48 } });

    public GuestMemfd CreateGuestMemfd(VmFd vm, ulong size, GuestMemfdFlags flags) => Enter(nameof(CreateGuestMemfd), () =>
    {
        var supported = (GuestMemfdFlags)Extensions[KvmCapability.GuestMemfdFlags];
        if (size == 0 || size % MappedMemory.PageSize != 0 || (!TakesAnyFlag && (flags & ~supported) != 0))
            throw new KernelException("ioctl(KVM_CREATE_GUEST_MEMFD)", Errno.EINVAL);
        return Register(new GuestMemfd(Null()), new FakeFile("anon_inode:[kvm-gmem]") { Size = size, Flags = flags });
    });

    public void SetUserMemoryRegion2(VmFd vm, in kvm_userspace_memory_region2 region)
    {
        var wanted = region;
        Enter(nameof(SetUserMemoryRegion2), () => Set(_vms[vm], wanted));
    }

    public void GetDirtyLog(VmFd vm, uint slot, Span<ulong> bitmap)
    {
        bitmap.Clear();
        Enter(nameof(GetDirtyLog), () => _vms[vm].TryGetValue(slot, out var known) && known.flags.HasFlag(MemoryRegionFlags.LogDirtyPages)
            ? true
            : throw new KernelException("ioctl(KVM_GET_DIRTY_LOG)", Errno.ENOENT));
    }

    public void EnableDirtyRing(VmFd vm, ulong bytes) => Enter(nameof(EnableDirtyRing), () => true);

    public int ResetDirtyRings(VmFd vm) => Enter(nameof(ResetDirtyRings), () => 0);

    public void SetMemoryAttributes(VmFd vm, GuestAddress gpa, ulong size, bool isPrivate) =>
        Enter<bool>(nameof(SetMemoryAttributes), () => throw new KernelException("ioctl(KVM_SET_MEMORY_ATTRIBUTES)", Errno.ENOTTY));

    public void PreFaultMemory(VcpuFd vcpu, GuestAddress gpa, ulong size) => throw NoVcpu();

    public VcpuFd CreateVcpu(VmFd vm, uint id) => throw NoVcpu();

    public SafeFileHandle GetStatsFd(VcpuFd vcpu) => throw NoVcpu();

    public SafeFileHandle GetStatsFd(VmFd vm) => throw NoVcpu();

    public int Run(VcpuFd vcpu) => throw NoVcpu();

    public kvm_regs GetRegs(VcpuFd vcpu) => throw NoVcpu();

    public void SetRegs(VcpuFd vcpu, in kvm_regs regs) => throw NoVcpu();

    public kvm_sregs GetSregs(VcpuFd vcpu) => throw NoVcpu();

    public void SetSregs(VcpuFd vcpu, in kvm_sregs sregs) => throw NoVcpu();

    public void SetCpuid2(VcpuFd vcpu, ReadOnlySpan<kvm_cpuid_entry2> entries) => throw NoVcpu();

    public void SetMpState(VcpuFd vcpu, uint state) => throw NoVcpu();

    public void SetSignalMask(VcpuFd vcpu, ulong blocked) => throw NoVcpu();

    private static KernelException NoVcpu() => new("ioctl(KVM_CREATE_VCPU)", Errno.EOPNOTSUPP);

    private static bool Set(SortedDictionary<uint, kvm_userspace_memory_region2> slots, kvm_userspace_memory_region2 wanted)
    {
        const string call = "ioctl(KVM_SET_USER_MEMORY_REGION2)";
        if (wanted.memory_size == 0)
            return slots.Remove(wanted.slot) ? true : throw new KernelException(call, Errno.EINVAL);
        if ((wanted.memory_size | wanted.guest_phys_addr | wanted.userspace_addr) % MappedMemory.PageSize != 0)
            throw new KernelException(call, Errno.EINVAL);
        if (slots.Values.Any(s => s.slot != wanted.slot
            && s.guest_phys_addr < wanted.guest_phys_addr + wanted.memory_size
            && wanted.guest_phys_addr < s.guest_phys_addr + s.memory_size))
            throw new KernelException(call, Errno.EEXIST);
        slots[wanted.slot] = wanted;
        return true;
    }

    private T Enter<T>(string method, Func<T> work)
    {
        lock (_lock)
        {
            Calls.Add(method);
            OnCall?.Invoke(method);
            if (_failures.TryGetValue(method, out var failure))
            {
                if (failure.Countdown == 1)
                {
                    _failures.Remove(method);
                    throw new KernelException(method, failure.Errno);
                }

                _failures[method] = (failure.Countdown - 1, failure.Errno);
            }

            return Lies.Contains(method) ? default! : work();
        }
    }

    private T Register<T>(T handle, FakeFile file)
        where T : SafeHandle
    {
        _files.Add(handle, file);
        return handle;
    }

    private static int Null()
    {
        var file = System.IO.File.OpenHandle("/dev/null");
        var fd = (int)file.DangerousGetHandle();
        file.SetHandleAsInvalid();
        return fd;
    }

    private FakeFile FileOf(SafeHandle handle, string call) =>
        !handle.IsClosed && _files.TryGetValue(handle, out var file) ? file : throw new KernelException(call, Errno.EBADF);
}
