using Hostmemd.Protocol.Session;
using Hostmemd.Sessions;

namespace Hostmemd.Cpr;

/// <summary>One client that is held.</summary>
/// <param name="Socket">Number of the socket that it came by.</param>
/// <param name="IsAsking">It gave the command that all are held for.</param>
internal sealed record HeldClient(ClientConnection Connection, int Socket, SessionHold Hold, bool IsAsking)
{
    /// <summary>A command of it is not answered.</summary>
    public bool IsBusy => !Connection.IsClosed && Connection.Running > (IsAsking ? 1 : 0);

    /// <summary>Nothing of it is at work, and all that came is accounted for.</summary>
    public bool IsQuiet => Connection.IsClosed || (Hold.Unread is not null && !IsBusy);
}
