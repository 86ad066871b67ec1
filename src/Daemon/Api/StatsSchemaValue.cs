using Hostmemd.Kvm;
using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>What a statistic means, as the kernel says.</summary>
internal sealed class StatsSchemaValue : IQapiType
{
    public static readonly EnumTable<StatisticType> Types = new(
        "StatsType",
        (StatisticType.Cumulative, "cumulative"), (StatisticType.Instant, "instant"), (StatisticType.Peak, "peak"),
        (StatisticType.LinearHistogram, "linear-histogram"), (StatisticType.LogHistogram, "log2-histogram"));

    public static readonly EnumTable<StatisticUnit> Units = new(
        "StatsUnit",
        (StatisticUnit.Bytes, "bytes"), (StatisticUnit.Seconds, "seconds"), (StatisticUnit.Cycles, "cycles"), (StatisticUnit.Boolean, "boolean"));

    internal string Name = "";
    internal StatisticType Type;
    internal StatisticUnit? Unit;
    internal long? NumberBase;
    internal long Exponent;
    internal long? BucketSize;

    public static string TypeName => "StatsSchemaValue";

    public void Visit(Visitor v)
    {
        v.Required("name", ref Name, "the kernel's name of it");
        v.Enum("type", ref Type, Types, "what kind of number it is");
        v.OptionalEnum("unit", ref Unit, Units, "of what; absent where it is a count");
        v.Optional("base", ref NumberBase, "values are times this to the power of exponent; absent where that is 0");
        v.Required("exponent", ref Exponent, "that power");
        v.Optional("bucket-size", ref BucketSize, "of a linear histogram");
    }
}
