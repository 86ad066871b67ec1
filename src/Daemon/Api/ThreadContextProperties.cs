using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>The properties of thread-context: on which CPUs the threads run that allocate memory for a backend.</summary>
internal sealed class ThreadContextProperties : IQapiType
{
    internal List<ushort>? CpuAffinity;
    internal List<ushort>? NodeAffinity;

    public static string TypeName => "ThreadContextProperties";

    public void Visit(Visitor v)
    {
        v.OptionalList("cpu-affinity", ref CpuAffinity, Shapes.UInt16, "CPUs of the host", qomType: "int", qomDescribed: false);
        v.OptionalList(
            "node-affinity", ref NodeAffinity, Shapes.UInt16, "NUMA nodes of the host, for all their CPUs; not together with cpu-affinity",
            qomType: "int", qomDescribed: false);
    }
}
