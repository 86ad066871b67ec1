using Hostmemd.Api;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>Events on request.</summary>
internal static class EventCommands
{
    /// <summary>
    /// Subscribes inside an owner's step, so that the generation in the reply is exactly where the events begin; pinned, so that the first of
    /// them comes after the reply.
    /// </summary>
    public static EventSubscription Subscribe(Client client, EventSubscribeArguments arguments) => client.Guest.Owned(state =>
    {
        var events = arguments.Events.Distinct().Order().ToList();
        client.Pin();
        client.Session.Subscribe([.. events.Select(HostmemdEvents.Table.NameOf)]);
        return new EventSubscription { Events = events, Generation = state.Generation };
    });
}
