using Hostmemd.Guests;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Objects;

/// <summary>The monitor of one of the sockets that the daemon listens on.</summary>
internal sealed class MonitorNode(QmpMonitor monitor) : QomNode("/objects/" + monitor.Id, "monitor-qmp")
{
    public override IEnumerable<QomProperty> Properties =>
    [
        new("chardev", "string", () => new JsonString(monitor.Label)),
        new("pretty", "bool", () => JsonBool.False),
        new("close-action", "MonitorQMPCloseAction", () => new JsonString("none")),
    ];
}
