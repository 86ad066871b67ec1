using System.Runtime.InteropServices;
using Hostmemd.Protocol.Schema;
using Hostmemd.Sessions;
using Microsoft.Win32.SafeHandles;

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

    /// <param name="pass">Passes a descriptor on, and gives its number.</param>
    public static HandedClient Of(HeldClient client, Func<SafeHandle, uint> pass)
    {
        var state = client.Connection.Describe(client.Hold.Unread!, client.IsAsking);
        return new HandedClient
        {
            Fd = pass(client.Socket),
            Socket = (uint)client.Listener,
            Negotiated = state.Negotiated,
            Oob = state.Oob,
            ToldOfLosses = state.ToldOfLosses,
            Events = [.. state.Events],
            Input = Convert.ToBase64String(state.Input.Bytes),
            Output = Convert.ToBase64String(state.Output),
            Arrivals = [.. state.Input.Descriptors.Select(arrival => new HandedArrival
            {
                From = (ulong)arrival.From,
                Fds = [.. arrival.Descriptors.Select(pass)],
            })],
        };
    }

    /// <param name="take">Takes a descriptor that was passed on.</param>
    public RestoredClient ToRestored(Func<uint, SafeFileHandle> take) => new()
    {
        Negotiated = Negotiated,
        Oob = Oob,
        ToldOfLosses = ToldOfLosses,
        Events = Events,
        Output = Convert.FromBase64String(Output),
        Input = new ReceivedInput(
            Convert.FromBase64String(Input), [.. Arrivals.Select(arrival => ((long)arrival.From, arrival.Fds.Select(take).ToList()))]),
    };

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
