namespace Hostmemd.Api;

internal enum GuestProbeOperation
{
    Read,
    Write,
    Compare,
}
