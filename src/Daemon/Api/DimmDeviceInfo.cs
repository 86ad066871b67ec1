using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class DimmDeviceInfo : IQapiType
{
    internal string? Id;
    internal ulong Addr;
    internal ulong Size;
    internal long Slot;
    internal long Node;
    internal string Memdev = "";
    internal bool Hotplugged;
    internal bool Hotpluggable = true;

    public static string TypeName => "PCDIMMDeviceInfo";

    public void Visit(Visitor v)
    {
        v.Optional("id", ref Id, "the device's id");
        v.Required("addr", ref Addr, "where it is in guest physical memory", IntegerKind.Size);
        v.Required("size", ref Size, "bytes", IntegerKind.Size);
        v.Required("slot", ref Slot, "the DIMM slot it is in");
        v.Required("node", ref Node, "the guest's NUMA node");
        v.Required("memdev", ref Memdev, "QOM path of its backend");
        v.Required("hotplugged", ref Hotplugged, "plugged after the start");
        v.Required("hotpluggable", ref Hotpluggable, "can be unplugged");
    }
}
