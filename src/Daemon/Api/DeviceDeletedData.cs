using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class DeviceDeletedData : IQapiType
{
    internal string? Device;
    internal string Path = "";

    public static string TypeName => "DeviceDeletedData";

    public void Visit(Visitor v)
    {
        v.Optional("device", ref Device, "the device's id, where it had one");
        v.Required("path", ref Path, "where it was in the QOM tree");
    }
}
