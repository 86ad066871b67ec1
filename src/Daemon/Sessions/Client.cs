using Hostmemd.Guests;
using Hostmemd.Objects;
using Hostmemd.Protocol.Session;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Sessions;

/// <summary>What the daemon keeps for one client; every command gets it.</summary>
/// <param name="takeDescriptor">Takes the oldest descriptor that came over the connection and that no command took; null for none.</param>
internal sealed class Client(Guest guest, QmpSession session, Func<SafeFileHandle?> takeDescriptor)
{
    public Guest Guest { get; } = guest;

    public QmpSession Session { get; } = session;

    /// <summary>For whom the slow work of its commands is done.</summary>
    public WorkOwner Work { get; } = new();

    public SafeFileHandle? TakeDescriptor() => takeDescriptor();

    /// <summary>The guest's state for a query's answer: no event of a later change reaches this client before the answer does.</summary>
    public GuestState Pin() => Session.Pin(() =>
    {
        var state = Guest.State;
        return (state, state.Generation);
    });
}
