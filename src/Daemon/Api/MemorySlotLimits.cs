using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemorySlotLimits : IQapiType
{
    internal uint KvmUsed;
    internal uint? KvmMax;
    internal uint DeviceUsed;
    internal uint DeviceMax;
    internal ulong? AddrMax;

    public static string TypeName => "MemorySlotLimits";

    public void Visit(Visitor v)
    {
        v.Required("kvm-used", ref KvmUsed, "KVM slots in use");
        v.Optional("kvm-max", ref KvmMax, "KVM slots there are; absent with accel=none");
        v.Required("device-used", ref DeviceUsed, "DIMM slots in use");
        v.Required("device-max", ref DeviceMax, "DIMM slots there are: -m slots=");
        v.Optional("addr-max", ref AddrMax, "highest guest physical address that a vCPU here can reach");
    }
}
