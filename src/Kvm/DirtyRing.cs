using System.Numerics;
using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Kvm;

/// <summary>
/// The ring in which KVM tells what a vCPU writes, page by page, in slots whose dirty log is on. Each page counts once. Everything on the
/// vCPU's thread, while it does not run.
/// </summary>
/// <remarks>Source: api.rst 8.29. The order of flags and fields is that of KVM_CAP_DIRTY_LOG_RING_ACQ_REL.</remarks>
internal sealed unsafe class DirtyRing
{
    private const uint Dirty = 1;
    private const uint Reset = 2;

    /// <summary>Pages from the start of the vCPU's descriptor (KVM_DIRTY_LOG_PAGE_OFFSET).</summary>
    private const ulong PageOffset = 64;

    private readonly IKernel _kernel;
    private readonly VmFd _vm;
    private readonly HostAddress _address;
    private readonly uint _entries;
    private readonly Dictionary<(uint Slot, ulong Word), ulong> _written = [];
    private uint _next;

    private DirtyRing(IKernel kernel, VmFd vm, HostAddress address, uint entries) =>
        (_kernel, _vm, _address, _entries) = (kernel, vm, address, entries);

    /// <summary>Maps the ring of a vCPU.</summary>
    /// <exception cref="KernelException">ENOMEM.</exception>
    public static DirtyRing Map(IKernel kernel, VmFd vm, VcpuFd vcpu, uint entries)
    {
        const MemoryProtection protection = MemoryProtection.Read | MemoryProtection.Write;
        var address = kernel.Mmap(default, SizeOf(entries), protection, MapFlags.Shared, vcpu, PageOffset * MappedMemory.PageSize);
        return new DirtyRing(kernel, vm, address, entries);
    }

    public static ulong SizeOf(uint entries) => (ulong)entries * (ulong)sizeof(kvm_dirty_gfn);

    /// <summary>Takes what is in the ring, which has room again afterwards.</summary>
    /// <exception cref="KernelException">The room could not be made.</exception>
    /// <remarks>The VM's descriptor is used here outside its thread: the vCPU waits for this, and the kernel has a lock of its own.</remarks>
    public void Collect()
    {
        // SAFETY: the mapping is as long as the entries, a power of two, and is there until Unmap.
        var ring = (kvm_dirty_gfn*)_address.Value;
        for (var entry = ring + (_next & (_entries - 1)); (Volatile.Read(ref entry->flags) & Dirty) != 0; entry = ring + (++_next & (_entries - 1)))
        {
            ref var word = ref CollectionsMarshal.GetValueRefOrAddDefault(_written, (entry->slot, entry->offset / 64), out _);
            word |= 1UL << (int)(entry->offset % 64);
            // The kernel may have the entry from here on.
            Volatile.Write(ref entry->flags, Reset);
        }
        _kernel.ResetDirtyRings(_vm);
    }

    /// <summary>Pages written since the last call.</summary>
    /// <exception cref="KernelException">As <see cref="Collect"/>.</exception>
    public long Take()
    {
        Collect();
        var pages = _written.Values.Sum(word => (long)BitOperations.PopCount(word));
        _written.Clear();
        return pages;
    }

    /// <summary>After the vCPU's last run.</summary>
    public void Unmap() => _kernel.Munmap(_address, SizeOf(_entries));
}
