using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MetricsText : IQapiType
{
    public static readonly EnumTable<MetricsFormat> Formats = new("MetricsFormat", (MetricsFormat.OpenMetrics, "openmetrics"));

    internal MetricsFormat Format;
    internal string ContentType = "";
    internal string Text = "";

    public static string TypeName => "MetricsText";

    public void Visit(Visitor v)
    {
        v.Enum("format", ref Format, Formats, "how they are written");
        v.Required("content-type", ref ContentType, "the same as HTTP names it");
        v.Required("text", ref Text, "the metrics");
    }
}
