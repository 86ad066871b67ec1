namespace Hostmemd.Api;

internal enum MetricsFormat
{
    OpenMetrics,
}
