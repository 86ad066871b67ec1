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
        if (events.Contains(HostmemdEvent.MemoryBackendDeleted) && client.IsToBeToldOfLosses())
            foreach (var lost in client.Guest.Kept.Lost)
                client.Session.Post(Events.MemoryBackendLost(lost, state.Generation, client.Guest.Clock), state.Generation + 1);
        return new EventSubscription { Events = events, Generation = state.Generation };
    });
}
