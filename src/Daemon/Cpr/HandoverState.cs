using Hostmemd.Api;
using Hostmemd.Protocol.Schema;

namespace Hostmemd.Cpr;

/// <summary>What one program of the daemon leaves to the next by cpr-exec, beside the descriptors that it names by their numbers.</summary>
internal sealed class HandoverState : IQapiType
{
    /// <summary>A program takes over from one that writes the same layout, and says so when it is asked before.</summary>
    public const uint CurrentLayout = 1;

    internal uint Layout = CurrentLayout;
    internal ulong Generation;
    internal RunState RunState;
    internal uint? Record;
    internal List<HandedObject> Objects = [];
    internal List<HandedSocket> Sockets = [];
    internal List<HandedClient> Clients = [];
    internal List<HandedDescriptor> Descriptors = [];

    public static string TypeName => "HandoverState";

    public void Visit(Visitor v)
    {
        v.Required("layout", ref Layout, "of this description");
        v.Required("generation", ref Generation, "the guest's");
        v.Enum("run-state", ref RunState, StatusInfo.RunStates, "the guest's");
        v.Optional("record", ref Record, "descriptor of the record, with its lock");
        v.List("objects", ref Objects, Shapes.Struct, "in the order they are to be made in");
        v.List("sockets", ref Sockets, Shapes.Struct, "those that listen");
        v.List("clients", ref Clients, Shapes.Struct, "those that are connected");
        v.List("descriptors", ref Descriptors, Shapes.Struct, "of getfd and add-fd");
    }
}
