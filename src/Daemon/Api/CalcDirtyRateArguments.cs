using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class CalcDirtyRateArguments : IQapiType
{
    internal long CalcTime;
    internal TimeUnit? CalcTimeUnit;
    internal long? SamplePages;
    internal DirtyRateMeasureMode? Mode;

    public static string TypeName => "CalcDirtyRateArguments";

    public void Visit(Visitor v)
    {
        v.Required("calc-time", ref CalcTime, "how long to count, 50 ms to 60 s");
        v.OptionalEnum("calc-time-unit", ref CalcTimeUnit, DirtyRateInfo.Units, "its unit; second unless given");
        v.Optional("sample-pages", ref SamplePages, "page-sampling: pages to look at of each GiB, 128 to 16384; 512 unless given");
        v.OptionalEnum("mode", ref Mode, DirtyRateInfo.Modes, "how to count; page-sampling unless given");
    }
}
