using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MachineInfo : IQapiType
{
    internal string Name = "";
    internal string? Alias;
    internal bool? IsDefault;
    internal long CpuMax;
    internal bool HotpluggableCpus;
    internal bool NumaMemSupported;
    internal bool Deprecated;
    internal string? DefaultRamId;
    internal bool Acpi;
    internal List<CompatProperty>? CompatProps;

    public static string TypeName => "MachineInfo";

    public void Visit(Visitor v)
    {
        v.Required("name", ref Name, "the machine, as -machine takes it");
        v.Optional("alias", ref Alias, "another name for it");
        v.Optional("is-default", ref IsDefault, "true: what there is without -machine");
        v.Required("cpu-max", ref CpuMax, "vCPUs it can have: the one that probes");
        v.Required("hotpluggable-cpus", ref HotpluggableCpus, "vCPUs can be plugged");
        v.Required("numa-mem-supported", ref NumaMemSupported, "-numa takes mem");
        v.Required("deprecated", ref Deprecated, "it will go");
        v.Optional("default-ram-id", ref DefaultRamId, "the backend that its RAM is, unless another is given");
        v.Required("acpi", ref Acpi, "it has ACPI");
        v.OptionalList("compat-props", ref CompatProps, Shapes.Struct, "what it sets so as to be as before: nothing", Features.Unstable);
    }
}
