using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class StatusInfo : IQapiType
{
    public static readonly EnumTable<RunState> RunStates = new(
        "RunState",
        (RunState.Paused, "paused"),
        (RunState.Prelaunch, "prelaunch"),
        (RunState.Running, "running"),
        (RunState.Shutdown, "shutdown"));

    internal bool Running;
    internal RunState Status;

    public static string TypeName => "StatusInfo";

    public void Visit(Visitor v)
    {
        v.Required("running", ref Running, "whether the guest counts as running");
        v.Enum("status", ref Status, RunStates, "the state; without a guest OS it changes by command alone");
    }
}
