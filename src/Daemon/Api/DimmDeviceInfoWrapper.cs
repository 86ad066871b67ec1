using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class DimmDeviceInfoWrapper : IQapiType
{
    internal DimmDeviceInfo Data = new();

    public static string TypeName => "PCDIMMDeviceInfoWrapper";

    public void Visit(Visitor v) => v.Struct("data", ref Data, "the device");
}
