using Hostmemd.Kvm;
using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemorySlotInfo : IQapiType
{
    public static readonly EnumTable<MemorySlotBinding> Bindings = new(
        "MemorySlotBinding", (MemorySlotBinding.Address, "address"), (MemorySlotBinding.GuestMemfd, "guest-memfd"));

    public static readonly EnumTable<MemorySlotUse> Uses = new(
        "MemorySlotUse", (MemorySlotUse.BaseMemory, "base-memory"), (MemorySlotUse.Device, "device"), (MemorySlotUse.Probe, "probe"));

    internal uint KvmSlot;
    internal ulong Addr;
    internal ulong Size;
    internal ulong HostAddr;
    internal MemorySlotBinding Binding;
    internal MemorySlotUse Use;
    internal bool ReadOnly;
    internal bool DirtyLog;
    internal ulong? Offset;
    internal string? Memdev;
    internal string? Device;

    public static string TypeName => "MemorySlotInfo";

    public void Visit(Visitor v)
    {
        v.Required("kvm-slot", ref KvmSlot, "KVM's number of the slot");
        v.Required("addr", ref Addr, "where it is in guest physical memory");
        v.Required("size", ref Size, "bytes", IntegerKind.Size);
        v.Required("host-addr", ref HostAddr, "KVM's userspace_addr; 0 on a read-only socket");
        v.Enum("binding", ref Binding, Bindings, "how KVM finds the pages");
        v.Enum("use", ref Use, Uses, "what the slot is for");
        v.Required("readonly", ref ReadOnly, "a vCPU cannot write it");
        v.Required("dirty-log", ref DirtyLog, "KVM logs which pages vCPUs write");
        v.Optional("offset", ref Offset, "where in the backend it begins", IntegerKind.Size);
        v.Optional("memdev", ref Memdev, "QOM path of the backend");
        v.Optional("device", ref Device, "QOM path of the device");
    }
}
