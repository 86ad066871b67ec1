using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class StatsRequest : IQapiType
{
    internal StatsProvider Provider;
    internal List<string>? Names;

    public static string TypeName => "StatsRequest";

    public void Visit(Visitor v)
    {
        v.Enum("provider", ref Provider, StatsFilter.Providers, "who counts");
        v.OptionalList("names", ref Names, Shapes.Text, "only these statistics");
    }
}
