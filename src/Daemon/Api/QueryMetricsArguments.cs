using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class QueryMetricsArguments : IQapiType
{
    internal MetricsFormat? Format;

    public static string TypeName => "QueryMetricsArguments";

    public void Visit(Visitor v) => v.OptionalEnum("format", ref Format, MetricsText.Formats, "how they are written");
}
