using Hostmemd.Api;

namespace Hostmemd.DirtyRate;

/// <summary>The last measurement, or that there was none.</summary>
/// <param name="StartTime">Seconds since 1970.</param>
/// <param name="Rate">MiB a second.</param>
internal sealed record DirtyRateState(
    DirtyRateStatus Status, DirtyRateMeasureMode Mode, long StartTime, long Milliseconds, long SamplePages, long? Rate)
{
    public static DirtyRateState Unstarted { get; } = new(DirtyRateStatus.Unstarted, DirtyRateMeasureMode.PageSampling, 0, 0, 0, null);
}
