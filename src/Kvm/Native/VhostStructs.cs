using System.Runtime.InteropServices;

namespace Hostmemd.Kvm.Native;

/// <summary>struct vhost_memory_region of linux/vhost_types.h.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct vhost_memory_region
{
    public ulong guest_phys_addr;
    public ulong memory_size;
    public ulong userspace_addr;
    public ulong flags_padding;
}
