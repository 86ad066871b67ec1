using Hostmemd.Protocol.Wire;

namespace Hostmemd.Objects;

/// <summary>One of the sockets that the daemon listens on, by the name QEMU gives the monitor of a -qmp option.</summary>
internal sealed class MonitorNode(string name) : QomNode("/objects/" + name, "monitor-qmp")
{
    public override IEnumerable<QomProperty> Properties =>
    [
        new("chardev", "string", () => new JsonString(Name)),
        new("pretty", "bool", () => JsonBool.False),
        new("close-action", "MonitorQMPCloseAction", () => new JsonString("none")),
    ];

    /// <summary>The name of the n-th socket's monitor, counted from 0.</summary>
    public static string NameOf(int index) => $"compat_monitor{index}";
}
