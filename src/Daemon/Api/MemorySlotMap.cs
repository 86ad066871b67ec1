using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemorySlotMap : IQapiType
{
    internal ulong Generation;
    internal List<MemorySlotInfo> Slots = [];
    internal MemorySlotLimits Limits = new();
    internal ulong? NextAddr;

    public static string TypeName => "MemorySlotMap";

    public void Visit(Visitor v)
    {
        v.Required("generation", ref Generation, "the state that the answer shows");
        v.List("slots", ref Slots, Shapes.Struct, "the slots, by address");
        v.Struct("limits", ref Limits, "how many there can be");
        v.Optional("next-addr", ref NextAddr, "the list was cut here: ask again from this address");
    }
}
