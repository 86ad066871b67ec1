using Hostmemd.Devices;
using Hostmemd.Protocol.Schema;

namespace Hostmemd.Keeping;

/// <summary>The DIMM that a backend is plugged as.</summary>
internal sealed class KeptDimm : IQapiType
{
    internal string? Id;
    internal string Name = "";
    internal ulong Addr;
    internal uint Slot;
    internal uint Node;
    internal bool Hotplugged;

    public static string TypeName => "KeptDimm";

    public static KeptDimm Of(Dimm dimm) => new()
    {
        Id = dimm.Id,
        Name = dimm.Name,
        Addr = dimm.Place.Addr,
        Slot = (uint)dimm.Place.Slot,
        Node = dimm.Node,
        Hotplugged = dimm.Hotplugged,
    };

    public void Visit(Visitor v)
    {
        v.Optional("id", ref Id, "its id");
        v.Required("name", ref Name, "last component of its path");
        v.Required("addr", ref Addr, "guest physical address");
        v.Required("slot", ref Slot, "DIMM slot");
        v.Required("node", ref Node, "NUMA node of the guest");
        v.Required("hotplugged", ref Hotplugged, "plugged by device_add");
    }
}
