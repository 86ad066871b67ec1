using Hostmemd.Kvm.Native;

namespace Hostmemd.Kvm;

/// <summary>One virtual machine and its memory slots. Every member belongs on the VM thread, but for <see cref="Capabilities"/>.</summary>
public sealed class Vm
{
    private readonly IKernel _kernel;
    private readonly KvmFd _kvm;
    private readonly VmFd _vm;
    private readonly int _owner = Environment.CurrentManagedThreadId;
    private readonly MemorySlotTable _slots;
    private uint _nextVcpu;

    private Vm(IKernel kernel, KvmFd kvm, VmFd vm, KvmCapabilities capabilities, uint dirtyRing)
    {
        DirtyRingEntries = dirtyRing;
        _kernel = kernel;
        _kvm = kvm;
        _vm = vm;
        Capabilities = capabilities;
        // A kernel that does not tell has at least 32. Source: api.rst 4.35.
        _slots = new MemorySlotTable(capabilities.MaxSlots > 0 ? capabilities.MaxSlots : 32);
    }

    /// <summary>Immutable: any thread.</summary>
    public KvmCapabilities Capabilities { get; }

    /// <summary>Entries of each vCPU's dirty ring; 0: what is written is logged in a bitmap of each slot. Any thread.</summary>
    public uint DirtyRingEntries { get; }

    /// <summary>The slots; to be read only, <see cref="AddSlot"/> and <see cref="DeleteSlot"/> change it.</summary>
    public MemorySlotTable Slots
    {
        get
        {
            AssertOnThread();
            return _slots;
        }
    }

    internal KvmFd Kvm => _kvm;

    internal VmFd Fd => _vm;

    /// <summary>
    /// Opens /dev/kvm, checks its version, makes a VM of type 0 and asks what it can do. On failure nothing is left open.
    /// </summary>
    /// <param name="dirtyRing">Entries wanted of each vCPU's dirty ring; without effect where KVM has none.</param>
    /// <exception cref="KernelException">The first call that failed. ENOTSUP: another API version, or no KVM_CAP_USER_MEMORY2.</exception>
    /// <exception cref="DirtyRingException">There is no ring of that size.</exception>
    internal static Vm Create(IKernel kernel, uint dirtyRing)
    {
        const uint type = 0;
        var kvm = kernel.OpenKvm();
        VmFd? vm = null;
        try
        {
            if (kernel.GetApiVersion(kvm) != KvmCapabilities.ApiVersion)
                throw new KernelException("ioctl(KVM_GET_API_VERSION)", Errno.EOPNOTSUPP);
            vm = kernel.CreateVm(kvm, type);
            var capabilities = KvmCapabilities.Read(kernel, kvm, vm, type);
            if (!capabilities.UserMemory2)
                throw new KernelException("ioctl(KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY2)", Errno.EOPNOTSUPP);
            if (capabilities.MaxDirtyRing == 0)
                dirtyRing = 0;
            if (dirtyRing > 0)
                EnableDirtyRing(kernel, vm, dirtyRing, capabilities.MaxDirtyRing);
            return new Vm(kernel, kvm, vm, capabilities, dirtyRing);
        }
        catch
        {
            vm?.Dispose();
            kvm.Dispose();
            throw;
        }
    }

    /// <summary>Adds a memory slot: number and overlap first, then one ioctl; if that fails the number is free again.</summary>
    /// <exception cref="MemorySlotException">Overlap, empty range or no slot left: the kernel was not asked.</exception>
    /// <exception cref="KernelException">As <see cref="IKernel.SetUserMemoryRegion2"/>.</exception>
    public MemorySlot AddSlot(MemorySlotRequest request)
    {
        AssertOnThread();
        var slot = _slots.Reserve(request);
        try
        {
            Set(request, slot.Id);
            return slot;
        }
        catch
        {
            _slots.Release(slot.Id);
            throw;
        }
    }

    /// <summary>
    /// Deletes a memory slot. If the kernel refuses, it stays in the table, quarantined: its memory must not be unmapped.
    /// </summary>
    /// <exception cref="KeyNotFoundException">No such slot.</exception>
    /// <exception cref="KernelException">The kernel still has it, or nobody knows.</exception>
    public void DeleteSlot(uint id)
    {
        AssertOnThread();
        if (!_slots.TryGet(id, out _))
            throw new KeyNotFoundException($"There is no memory slot {id}.");
        try
        {
            _kernel.SetUserMemoryRegion2(_vm, new kvm_userspace_memory_region2 { slot = id });
        }
        catch
        {
            _slots.Quarantine(id);
            throw;
        }

        _slots.Release(id);
    }

    /// <summary>
    /// A guest_memfd that the host can map and that is the guest's only memory: flags MMAP and INIT_SHARED, close-on-exec.
    /// </summary>
    /// <exception cref="KernelException">As <see cref="IKernel.CreateGuestMemfd"/>.</exception>
    public GuestMemfd CreateGuestMemfd(ulong size)
    {
        AssertOnThread();
        return _kernel.CreateGuestMemfd(_vm, size, GuestMemfdFlags.Mmap | GuestMemfdFlags.InitShared);
    }

    /// <summary>What KVM counts for the VM.</summary>
    /// <exception cref="KernelException">ENOTTY: no KVM_CAP_BINARY_STATS_FD. EMFILE.</exception>
    public IReadOnlyList<Statistic> ReadStatistics()
    {
        AssertOnThread();
        using var statistics = new Statistics(_kernel, _kernel.GetStatsFd(_vm));
        return statistics.ReadAll();
    }

    /// <summary>It is this very slot that has its number now, and the kernel surely has it.</summary>
    public bool Has(MemorySlot slot)
    {
        AssertOnThread();
        ArgumentNullException.ThrowIfNull(slot);
        return _slots.TryGet(slot.Id, out var known) && ReferenceEquals(known, slot) && !_slots.IsQuarantined(slot.Id);
    }

    /// <summary>Switches the dirty log of a slot on or off, which takes no look at its pages; what it was made with is as it was.</summary>
    /// <returns>false: the slot has gone.</returns>
    /// <exception cref="KernelException">EINVAL: bound by descriptor. ENOMEM. It is as before.</exception>
    public bool TrySetDirtyLog(MemorySlot slot, bool on)
    {
        if (!Has(slot))
            return false;
        Set(slot.Request with { DirtyLog = on }, slot.Id);
        return true;
    }

    /// <summary>Pages written by vCPUs since the last call, for a slot whose dirty log is on.</summary>
    /// <returns>One bit a page of 4 KiB, lowest first.</returns>
    public ulong[] GetDirtyLog(uint id)
    {
        AssertOnThread();
        if (!_slots.TryGet(id, out var slot))
            throw new KeyNotFoundException($"There is no memory slot {id}.");
        var pages = slot.Size / MappedMemory.PageSize;
        var bitmap = new ulong[(pages + 63) / 64];
        _kernel.GetDirtyLog(_vm, id, bitmap);
        return bitmap;
    }

    /// <summary>A bug if it throws: somebody took the VM out of the closure it was given to.</summary>
    public void AssertOnThread()
    {
        if (Environment.CurrentManagedThreadId != _owner)
            throw new InvalidOperationException("Only the VM thread may do that.");
    }

    /// <summary>A vCPU with the next id. Ids are never free again while the VM lives, so none is asked for twice.</summary>
    internal VcpuFd CreateVcpu() => _kernel.CreateVcpu(_vm, _nextVcpu++);

    /// <summary>Deletes what is left and closes. Slots that would not go do so with the VM's last descriptor.</summary>
    internal void Close()
    {
        foreach (var slot in _slots.Slots.ToArray())
        {
            try
            {
                DeleteSlot(slot.Id);
            }
            catch (KernelException)
            {
                // Closing the VM below is the stronger means.
            }
        }

        _vm.Dispose();
        _kvm.Dispose();
    }

    private static void EnableDirtyRing(IKernel kernel, VmFd vm, uint entries, ulong most)
    {
        var bytes = DirtyRing.SizeOf(entries);
        if (bytes > most)
            throw new DirtyRingException(
                $"KVM dirty ring size {entries} too big (maximum is {most / DirtyRing.SizeOf(1)}).  Please use a smaller value.");
        try
        {
            kernel.EnableDirtyRing(vm, bytes);
        }
        catch (KernelException e)
        {
            throw new DirtyRingException($"Enabling of KVM dirty ring failed: {Errno.Text(e.Errno)}. Suggested minimum value is 1024.");
        }
    }

    private void Set(MemorySlotRequest request, uint id)
    {
        var region = new kvm_userspace_memory_region2
        {
            slot = id,
            flags = (request.File is null ? MemoryRegionFlags.None : MemoryRegionFlags.GuestMemfd)
                | (request.ReadOnly ? MemoryRegionFlags.ReadOnly : MemoryRegionFlags.None)
                | (request.DirtyLog ? MemoryRegionFlags.LogDirtyPages : MemoryRegionFlags.None),
            guest_phys_addr = request.Gpa.Value,
            memory_size = request.Size,
            userspace_addr = request.Hva.Value,
        };
        if (request.File is null)
        {
            _kernel.SetUserMemoryRegion2(_vm, region);
            return;
        }

        // 6.18 accepts an offset that wraps with the size, and then maps what is not there.
        if (request.Offset > long.MaxValue - request.Size)
            throw new KernelException("ioctl(KVM_SET_USER_MEMORY_REGION2)", Errno.EINVAL);
        using var file = new BorrowedFd(request.File);
        region.guest_memfd = (uint)file.Number;
        region.guest_memfd_offset = request.Offset;
        _kernel.SetUserMemoryRegion2(_vm, region);
    }
}
