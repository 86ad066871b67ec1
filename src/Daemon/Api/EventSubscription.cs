using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class EventSubscription : IQapiType
{
    internal List<HostmemdEvent> Events = [];
    internal ulong Generation;

    public static string TypeName => "EventSubscription";

    public void Visit(Visitor v)
    {
        v.List("events", ref Events, Shapes.Enum(HostmemdEvents.Table), "what the session gets from now on");
        v.Required("generation", ref Generation, "events are complete from here; what came before is in any query answered later");
    }
}
