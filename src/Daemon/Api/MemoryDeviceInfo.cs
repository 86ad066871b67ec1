using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>One device in query-memory-devices' answer.</summary>
internal sealed class MemoryDeviceInfo : IQapiType
{
    public static readonly EnumTable<MemoryDeviceKind> Kinds = new("MemoryDeviceInfoKind", (MemoryDeviceKind.Dimm, "dimm"));

    internal MemoryDeviceKind Kind;
    internal DimmDeviceInfoWrapper Dimm = new();

    public static string TypeName => "MemoryDeviceInfo";

    public void Visit(Visitor v)
    {
        v.Enum("type", ref Kind, Kinds, "what kind of device");
        v.Branch("type", "dimm", Kind == MemoryDeviceKind.Dimm, ref Dimm);
    }
}
