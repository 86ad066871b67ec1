using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>The arguments of query-stats.</summary>
internal sealed class StatsFilter : IQapiType
{
    public static readonly EnumTable<StatsTarget> Targets = new(
        "StatsTarget", (StatsTarget.Vm, "vm"), (StatsTarget.Vcpu, "vcpu"), (StatsTarget.Cryptodev, "cryptodev"));

    public static readonly EnumTable<StatsProvider> Providers = new(
        "StatsProvider", (StatsProvider.Kvm, "kvm"), (StatsProvider.Cryptodev, "cryptodev"));

    internal StatsTarget Target;
    internal List<StatsRequest>? Requests;
    internal StatsVcpuFilter Vcpu = new();

    public static string TypeName => "StatsFilter";

    public void Visit(Visitor v)
    {
        v.Enum("target", ref Target, Targets, "what is counted for");
        v.OptionalList("providers", ref Requests, Shapes.Struct, "only what these count; all unless given");
        v.EmptyBranch("target", "vm");
        v.Branch("target", "vcpu", Target == StatsTarget.Vcpu, ref Vcpu);
        v.EmptyBranch("target", "cryptodev");
    }
}
