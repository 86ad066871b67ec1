using Hostmemd.Api;
using Hostmemd.Objects;

namespace Hostmemd.Devices;

/// <summary>A plugged pc-dimm.</summary>
/// <param name="Id">null: nobody gave it one, and it cannot be unplugged.</param>
/// <param name="Name">The last component of its QOM path.</param>
internal sealed record Dimm(string? Id, string Name, DimmPlace Place, uint Node, MemoryBackend Backend, bool Hotplugged)
{
    public const string TypeName = "pc-dimm";

    public string QomPath => (Id is null ? "/machine/peripheral-anon/" : "/machine/peripheral/") + Name;

    public DimmDeviceInfo ToInfo() => new()
    {
        Id = Id,
        Addr = Place.Addr,
        Size = Place.Size,
        Slot = Place.Slot,
        Node = Node,
        Memdev = Backend.QomPath,
        Hotplugged = Hotplugged,
    };
}
