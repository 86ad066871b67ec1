using Hostmemd.Protocol.Wire;

namespace Hostmemd.QmpShell;

/// <summary>What the greeting tells a person.</summary>
internal static class Banner
{
    private const string Program = "hostmemd";

    public static string Prompt(JsonObject greeting) => Package(greeting) is null ? "(QEMU) " : $"({Program}) ";

    public static string Welcome(JsonObject greeting, bool hmp)
    {
        string connected = (Package(greeting), Version(greeting)) switch
        {
            ({ } package, _) => $"Connected to {package}",
            (null, { } version) => $"Connected to QEMU {version}",
            _ => "Connected",
        };
        return $"Welcome to the {(hmp ? "HMP" : "QMP low-level")} shell!\n{connected}\n";
    }

    /// <summary>The package where it is ours.</summary>
    private static string? Package(JsonObject greeting) =>
        Member(greeting, "package") is JsonString { Value: var package } && package.StartsWith(Program, StringComparison.Ordinal) ? package : null;

    private static string? Version(JsonObject greeting) =>
        Member(greeting, "qemu") is JsonObject version
            ? $"{version["major"]}.{version["minor"]}.{version["micro"]}"
            : null;

    private static JsonValue? Member(JsonObject greeting, string name) => ((greeting["QMP"] as JsonObject)?["version"] as JsonObject)?[name];
}
