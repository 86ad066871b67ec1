using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Api;

/// <summary>The arguments of device_add: the driver decides which others there are, so they are kept as they came.</summary>
internal sealed class DeviceAddArguments : IQapiType
{
    internal JsonObject Members = new();
    private string _driver = "";
    private string? _bus;
    private string? _id;

    public static string TypeName => "DeviceAddArguments";

    public void Visit(Visitor v)
    {
        if (v.OpenMembers(ref Members))
            return;
        v.Required("driver", ref _driver, "the device's type: pc-dimm");
        v.Optional("bus", ref _bus, "the bus to plug it into; pc-dimm has none");
        v.Optional("id", ref _id, "its id; a device without one cannot be named in device_del");
    }
}
