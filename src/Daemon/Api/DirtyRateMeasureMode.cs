namespace Hostmemd.Api;

/// <summary>How pages that are written are counted.</summary>
internal enum DirtyRateMeasureMode
{
    PageSampling,
    DirtyRing,
    DirtyBitmap,
}
