using Hostmemd.Api;
using Hostmemd.Protocol.Schema;

namespace Hostmemd.Cpr;

/// <summary>What one program of the daemon leaves to the next by cpr-exec, beside the descriptors that it names by their numbers.</summary>
internal sealed class HandoverState : IQapiType
{
    /// <summary>A program takes over from one that writes the same layout, and says so when it is asked before.</summary>
    public const uint CurrentLayout = 1;

    /// <summary>Of each list in one part: a value of JSON has its limits, and is taken apart as a whole.</summary>
    private const int PartLength = 1000;

    internal uint Layout = CurrentLayout;
    internal ulong Generation;
    internal RunState RunState;
    internal uint? Record;
    internal List<HandedObject> Objects = [];
    internal List<HandedSocket> Sockets = [];
    internal List<HandedClient> Clients = [];
    internal List<HandedDescriptor> Descriptors = [];

    public static string TypeName => "HandoverState";

    /// <summary>The same in as many parts as it takes, each a line of the description.</summary>
    public IEnumerable<HandoverState> Parts()
    {
        var longest = new[] { Objects.Count, Sockets.Count, Clients.Count, Descriptors.Count }.Max();
        for (var at = 0; at == 0 || at < longest; at += PartLength)
            yield return new HandoverState
            {
                Layout = Layout,
                Generation = Generation,
                RunState = RunState,
                Record = Record,
                Objects = Part(Objects, at),
                Sockets = Part(Sockets, at),
                Clients = Part(Clients, at),
                Descriptors = Part(Descriptors, at),
            };
    }

    /// <summary>Takes up the next part.</summary>
    public void Add(HandoverState part)
    {
        Objects.AddRange(part.Objects);
        Sockets.AddRange(part.Sockets);
        Clients.AddRange(part.Clients);
        Descriptors.AddRange(part.Descriptors);
    }

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

    private static List<T> Part<T>(List<T> list, int at) => [.. list.Skip(at).Take(PartLength)];
}
