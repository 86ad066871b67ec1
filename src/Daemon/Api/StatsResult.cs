using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class StatsResult : IQapiType
{
    internal StatsProvider Provider;
    internal List<StatsItem> Stats = [];

    public static string TypeName => "StatsResult";

    public void Visit(Visitor v)
    {
        v.Enum("provider", ref Provider, StatsFilter.Providers, "who counts");
        v.List("stats", ref Stats, Shapes.Struct, "what was counted");
    }
}
