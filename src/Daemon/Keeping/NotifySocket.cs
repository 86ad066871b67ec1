using System.Net.Sockets;

namespace Hostmemd.Keeping;

/// <summary>Where the service manager that started the program listens for its word. Source: man 3 sd_notify.</summary>
internal static class NotifySocket
{
    public const string Variable = "NOTIFY_SOCKET";

    /// <summary>null: no service manager started it, or one that is reached in another way.</summary>
    public static UnixDomainSocketEndPoint? Address => Environment.GetEnvironmentVariable(Variable) switch
    {
        ['/', _, ..] path => new UnixDomainSocketEndPoint(path),
        ['@', _, ..] name => new UnixDomainSocketEndPoint("\0" + name[1..]),
        _ => null,
    };
}
