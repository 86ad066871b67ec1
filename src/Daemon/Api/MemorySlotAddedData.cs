using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemorySlotAddedData : IQapiType
{
    internal MemorySlotInfo SlotInfo = new();
    internal ulong Generation;

    public static string TypeName => "MemorySlotAddedData";

    public void Visit(Visitor v)
    {
        v.Struct("slot-info", ref SlotInfo, "the slot");
        v.Required("generation", ref Generation, "the change that made it");
    }
}
