using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>The data of SHUTDOWN and RESET.</summary>
internal sealed class ShutdownData : IQapiType
{
    public static readonly EnumTable<ShutdownCause> Causes = new(
        "ShutdownCause",
        (ShutdownCause.HostQmpQuit, "host-qmp-quit"),
        (ShutdownCause.HostQmpSystemReset, "host-qmp-system-reset"),
        (ShutdownCause.HostSignal, "host-signal"));

    internal bool Guest;
    internal ShutdownCause Reason;

    public static string TypeName => "ShutdownEventData";

    public void Visit(Visitor v)
    {
        v.Required("guest", ref Guest, "asked for by the guest; never here");
        v.Enum("reason", ref Reason, Causes, "the cause");
    }
}
