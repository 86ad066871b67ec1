using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Api;

/// <summary>One statistic in query-stats' answer.</summary>
internal sealed class StatsItem : IQapiType
{
    private static readonly AlternateTable Values = new(
        "StatsValue",
        v =>
        {
            long number = 0;
            v.Signed(ref number);
        },
        v =>
        {
            var flag = false;
            v.Bool(ref flag);
        },
        v =>
        {
            List<long> numbers = [];
            v.List(ref numbers, Shapes.Int64);
        });

    internal string Name = "";
    internal JsonValue Value = JsonNull.Instance;

    public static string TypeName => "Stats";

    public void Visit(Visitor v)
    {
        v.Required("name", ref Name, "the kernel's name of it");
        v.Alternate("value", ref Value, Values, "its value; a list where it is a histogram");
    }
}
