using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class DirtyRateInfo : IQapiType
{
    public static readonly EnumTable<TimeUnit> Units = new("TimeUnit", (TimeUnit.Second, "second"), (TimeUnit.Millisecond, "millisecond"));

    public static readonly EnumTable<DirtyRateMeasureMode> Modes = new(
        "DirtyRateMeasureMode",
        (DirtyRateMeasureMode.PageSampling, "page-sampling"),
        (DirtyRateMeasureMode.DirtyRing, "dirty-ring"),
        (DirtyRateMeasureMode.DirtyBitmap, "dirty-bitmap"));

    public static readonly EnumTable<DirtyRateStatus> Statuses = new(
        "DirtyRateStatus",
        (DirtyRateStatus.Unstarted, "unstarted"), (DirtyRateStatus.Measuring, "measuring"), (DirtyRateStatus.Measured, "measured"));

    internal long? Rate;
    internal DirtyRateStatus Status;
    internal long StartTime;
    internal long CalcTime;
    internal TimeUnit CalcTimeUnit;
    internal long SamplePages;
    internal DirtyRateMeasureMode Mode;
    internal List<DirtyRateVcpu>? VcpuRates;

    public static string TypeName => "DirtyRateInfo";

    public void Visit(Visitor v)
    {
        v.Optional("dirty-rate", ref Rate, "MiB a second; there when it is measured");
        v.Enum("status", ref Status, Statuses, "how far the measurement is");
        v.Required("start-time", ref StartTime, "when it began, in seconds since 1970");
        v.Required("calc-time", ref CalcTime, "how long it was to count");
        v.Enum("calc-time-unit", ref CalcTimeUnit, Units, "the unit of calc-time");
        v.Required("sample-pages", ref SamplePages, "pages looked at of each GiB; 0 where none are sampled");
        v.Enum("mode", ref Mode, Modes, "how it is counted");
        v.OptionalList("vcpu-dirty-rate", ref VcpuRates, Shapes.Struct, "of each vCPU; there when it is measured by mode dirty-ring");
    }
}
