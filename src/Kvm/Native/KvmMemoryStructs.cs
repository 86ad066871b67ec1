using System.Runtime.InteropServices;

namespace Hostmemd.Kvm.Native;

/// <summary>Argument of KVM_SET_USER_MEMORY_REGION2. KVM does not check the padding; a later kernel may, so it stays zero.</summary>
[StructLayout(LayoutKind.Sequential, Size = 160)]
public struct kvm_userspace_memory_region2
{
    public uint slot;
    public MemoryRegionFlags flags;
    public ulong guest_phys_addr;
    public ulong memory_size;
    public ulong userspace_addr;
    public ulong guest_memfd_offset;
    public uint guest_memfd;
    public uint pad1;
}

/// <summary>Flags of <see cref="kvm_userspace_memory_region2"/>: KVM_MEM_*.</summary>
[Flags]
public enum MemoryRegionFlags : uint
{
    None = 0,
    LogDirtyPages = 1,
    ReadOnly = 2,
    GuestMemfd = 4,
}

/// <summary>
/// Argument of KVM_CREATE_GUEST_MEMFD. <c>reserved</c> is not checked by KVM; proposed kernels give it a meaning, so it stays zero.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct kvm_create_guest_memfd
{
    public ulong size;
    public ulong flags;
}

/// <summary>Argument of KVM_SET_MEMORY_ATTRIBUTES.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_memory_attributes
{
    public ulong address;
    public ulong size;
    public ulong attributes;
    public ulong flags;
}

/// <summary>Argument of KVM_PRE_FAULT_MEMORY; the kernel moves address and size on by what it has done.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct kvm_pre_fault_memory
{
    public ulong gpa;
    public ulong size;
    public ulong flags;
}

/// <summary>Argument of KVM_ENABLE_CAP.</summary>
[StructLayout(LayoutKind.Sequential, Size = 104)]
internal struct kvm_enable_cap
{
    public uint cap;
    public uint flags;
    public ulong args;
}

/// <summary>An entry of a dirty ring: a page that a vCPU has written.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_dirty_gfn
{
    public uint flags;
    public uint slot;
    public ulong offset;
}

/// <summary>Argument of KVM_GET_DIRTY_LOG.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_dirty_log
{
    public uint slot;
    public uint padding1;
    public ulong dirty_bitmap;
}

/// <summary>Head of what a statistics descriptor reads: where ids, descriptors and data are.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_stats_header
{
    public uint flags;
    public uint name_size;
    public uint num_desc;
    public uint id_offset;
    public uint desc_offset;
    public uint data_offset;
}

/// <summary>One statistic; its name follows, <see cref="kvm_stats_header.name_size"/> bytes with zeroes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_stats_desc
{
    public uint flags;
    public short exponent;
    public ushort size;
    public uint offset;
    public uint bucket_size;
}
