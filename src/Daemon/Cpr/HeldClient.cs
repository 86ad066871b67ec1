using Hostmemd.Protocol.Session;
using Hostmemd.Sessions;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Cpr;

/// <summary>One client that is held.</summary>
/// <param name="Socket">Another descriptor of its connection, as that may be closed at any time.</param>
/// <param name="Listener">Number of the socket that it came by.</param>
/// <param name="IsAsking">It gave the command that all are held for.</param>
internal sealed record HeldClient(ClientConnection Connection, SafeFileHandle Socket, int Listener, SessionHold Hold, bool IsAsking)
{
    /// <summary>A command of it is not answered.</summary>
    public bool IsBusy => !Connection.IsClosed && Connection.Running > (IsAsking ? 1 : 0);

    /// <summary>Nothing of it is at work, and all that came is accounted for.</summary>
    public bool IsQuiet => Connection.IsClosed || (Hold.Unread is not null && !IsBusy);
}
