namespace Hostmemd.Daemon.Tests.Tracing;

/// <summary>An object-add of which every system call is to fail in turn.</summary>
/// <param name="Name">What the test is called after it.</param>
/// <param name="Properties">Those beside qom-type, id and size; {dir} is the daemon's folder.</param>
internal sealed record FaultCase(string Name, string Kind, string Properties)
{
    /// <summary>A file in the daemon's folder that is not there when the request comes.</summary>
    public const string NewFile = "new";

    /// <summary>Bytes; nobody else maps so much: 4 MiB and five pages.</summary>
    public ulong Size { get; init; } = (4 << 20) + (5 * 4096);

    public string Request(string directory) =>
        $$$"""
        {"execute": "object-add", "arguments": {"qom-type": "{{{Kind}}}", "id": "m", "size": {{{Size}}}, {{{Properties.Replace("{dir}", directory, StringComparison.Ordinal)}}} } }
        """;
}
