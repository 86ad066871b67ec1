using Hostmemd.Api;
using Hostmemd.Metrics;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>The guest's figures for those who watch many.</summary>
internal static class MetricsCommands
{
    public static MetricsText Query(Client client) => new()
    {
        Format = MetricsFormat.OpenMetrics,
        ContentType = OpenMetricsWriter.ContentType,
        Text = GuestMetrics.Text(client.Guest),
    };
}
