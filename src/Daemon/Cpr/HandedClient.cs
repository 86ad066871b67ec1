using Hostmemd.Protocol.Schema;

namespace Hostmemd.Cpr;

/// <summary>A client: its connection, what it has agreed on, and what is on its way in either direction.</summary>
internal sealed class HandedClient : IQapiType
{
    internal uint Fd;
    internal uint Socket;
    internal bool Negotiated;
    internal bool Oob;
    internal bool ToldOfLosses;
    internal List<string> Events = [];
    internal string Input = "";
    internal string Output = "";
    internal List<HandedArrival> Arrivals = [];

    public static string TypeName => "HandedClient";

    public void Visit(Visitor v)
    {
        v.Required("fd", ref Fd, "its connection");
        v.Required("socket", ref Socket, "which of the sockets it came by");
        v.Required("negotiated", ref Negotiated, "it may give commands");
        v.Required("oob", ref Oob, "it may give some out of band");
        v.Required("told-of-losses", ref ToldOfLosses, "it knows what an earlier daemon lost");
        v.List("events", ref Events, Shapes.Text, "events on request that it gets");
        v.Required("input", ref Input, "what came and was not read, base64");
        v.Required("output", ref Output, "what it gets first, base64");
        v.List("arrivals", ref Arrivals, Shapes.Struct, "descriptors that came and that no command took");
    }
}
