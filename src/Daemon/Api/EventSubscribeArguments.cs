using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class EventSubscribeArguments : IQapiType
{
    internal List<HostmemdEvent> Events = [];

    public static string TypeName => "EventSubscribeArguments";

    public void Visit(Visitor v) => v.List("events", ref Events, Shapes.Enum(HostmemdEvents.Table), "the whole list for this session; empty for none");
}
