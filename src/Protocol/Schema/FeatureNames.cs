namespace Hostmemd.Protocol.Schema;

internal static class FeatureNames
{
    private static readonly (Features Feature, string Name)[] All =
    [
        (Features.Hostmemd, "hostmemd"),
        (Features.Unstable, "unstable"),
        (Features.Deprecated, "deprecated"),
        (Features.JsonCli, "json-cli"),
        (Features.JsonCliHotplug, "json-cli-hotplug"),
        (Features.SavevmMonitorNodes, "savevm-monitor-nodes"),
    ];

    /// <summary>The names, or null where there are none: the member is left out then.</summary>
    public static List<string>? Names(this Features features) =>
        features == Features.None ? null : [.. All.Where(feature => features.HasFlag(feature.Feature)).Select(feature => feature.Name)];
}
