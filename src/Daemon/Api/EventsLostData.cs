using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class EventsLostData : IQapiType
{
    internal ulong Count;

    public static string TypeName => "EventsLostData";

    public void Visit(Visitor v) => v.Required("count", ref Count, "events that this session was too slow for");
}
