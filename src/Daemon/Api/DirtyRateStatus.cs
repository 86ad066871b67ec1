namespace Hostmemd.Api;

/// <summary>How far a measurement is.</summary>
internal enum DirtyRateStatus
{
    Unstarted,
    Measuring,
    Measured,
}
