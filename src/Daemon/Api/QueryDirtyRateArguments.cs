using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class QueryDirtyRateArguments : IQapiType
{
    internal TimeUnit? CalcTimeUnit;

    public static string TypeName => "QueryDirtyRateArguments";

    public void Visit(Visitor v) => v.OptionalEnum("calc-time-unit", ref CalcTimeUnit, DirtyRateInfo.Units, "the unit of calc-time in the answer; second unless given");
}
