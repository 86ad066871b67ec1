using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemorySlotLimits : IQapiType
{
    internal uint KvmUsed;
    internal uint? KvmMax;
    internal uint DeviceUsed;
    internal uint DeviceMax;
    internal ulong? AddrMax;
    internal ulong? DescriptorsUsed;
    internal ulong? DescriptorsMax;
    internal ulong? MappingsUsed;
    internal ulong? MappingsMax;

    public static string TypeName => "MemorySlotLimits";

    public void Visit(Visitor v)
    {
        v.Required("kvm-used", ref KvmUsed, "KVM slots in use");
        v.Optional("kvm-max", ref KvmMax, "KVM slots there are; absent with accel=none");
        v.Required("device-used", ref DeviceUsed, "DIMM slots in use");
        v.Required("device-max", ref DeviceMax, "DIMM slots there are: -m slots=");
        v.Optional("addr-max", ref AddrMax, "highest guest physical address that a vCPU here can reach");
        v.Optional("descriptors-used", ref DescriptorsUsed, "file descriptors that the daemon has open; absent before Linux 6.2");
        v.Optional("descriptors-max", ref DescriptorsMax, "how many it may have: RLIMIT_NOFILE");
        v.Optional("mappings-used", ref MappingsUsed, "about how many mappings it has: those it once counted, and two more for each backend since");
        v.Optional("mappings-max", ref MappingsMax, "how many it may have: vm.max_map_count");
    }
}
