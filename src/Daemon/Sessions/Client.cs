using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Lending;
using Hostmemd.Objects;
using Hostmemd.Protocol.Session;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Sessions;

/// <summary>What the daemon keeps for one client; every command gets it.</summary>
/// <param name="takeDescriptor">Takes the oldest descriptor that came over the connection and that no command took; null for none.</param>
internal sealed class Client(Guest guest, QmpSession session, Func<SafeFileHandle?> takeDescriptor)
{
    public Guest Guest { get; } = guest;

    /// <summary>It has asked for what an earlier daemon lost; in-band commands alone.</summary>
    public bool IsToldOfLosses { get; set; }

    public QmpSession Session { get; } = session;

    /// <summary>For whom the slow work of its commands is done.</summary>
    public WorkOwner Work { get; } = new();

    /// <summary>The connection; null where there is no socket, as in tests.</summary>
    public SafeHandle? Socket { get; init; }

    /// <summary>The process at the other end, as somebody who gets memory; null: it has ended, or is not to be known.</summary>
    public (Borrower Borrower, ProcessFd Process)? FindPeer(MemoryLoanMethod method) =>
        Socket is { } socket ? Guest.Lending.Ledger.PeerOf(socket, method) : null;

    public SafeFileHandle? TakeDescriptor() => takeDescriptor();

    /// <summary>Whether this client was not told yet of what a daemon before this one has lost. Once; in-band commands alone.</summary>
    public bool IsToBeToldOfLosses()
    {
        var isFirst = !IsToldOfLosses;
        IsToldOfLosses = true;
        return isFirst;
    }

    /// <summary>The guest's state for a query's answer: no event of a later change reaches this client before the answer does.</summary>
    public GuestState Pin() => Session.Pin(() =>
    {
        var state = Guest.State;
        return (state, state.Generation);
    });
}
