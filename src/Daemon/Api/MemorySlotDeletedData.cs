using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemorySlotDeletedData : IQapiType
{
    internal uint KvmSlot;
    internal ulong Addr;
    internal ulong Size;
    internal ulong Generation;

    public static string TypeName => "MemorySlotDeletedData";

    public void Visit(Visitor v)
    {
        v.Required("kvm-slot", ref KvmSlot, "KVM's number of the slot");
        v.Required("addr", ref Addr, "where it was in guest physical memory");
        v.Required("size", ref Size, "its size in bytes", IntegerKind.Size);
        v.Required("generation", ref Generation, "the change that removed it");
    }
}
