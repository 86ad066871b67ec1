using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class StatsSchemaArguments : IQapiType
{
    internal StatsProvider? Provider;

    public static string TypeName => "QueryStatsSchemasArguments";

    public void Visit(Visitor v) => v.OptionalEnum("provider", ref Provider, StatsFilter.Providers, "only what this one counts");
}
