using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class StatsSchema : IQapiType
{
    internal StatsProvider Provider;
    internal StatsTarget Target;
    internal List<StatsSchemaValue> Stats = [];

    public static string TypeName => "StatsSchema";

    public void Visit(Visitor v)
    {
        v.Enum("provider", ref Provider, StatsFilter.Providers, "who counts");
        v.Enum("target", ref Target, StatsFilter.Targets, "what is counted for");
        v.List("stats", ref Stats, Shapes.Struct, "what is counted");
    }
}
