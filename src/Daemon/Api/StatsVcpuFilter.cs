using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class StatsVcpuFilter : IQapiType
{
    internal List<string>? Vcpus;

    public static string TypeName => "StatsVCPUFilter";

    public void Visit(Visitor v) => v.OptionalList("vcpus", ref Vcpus, Shapes.Text, "only these vCPUs, by QOM path; the probe has none");
}
