namespace Hostmemd.Daemon.Tests.Support;

/// <summary>The Unix sockets of the machine: a line of /proc/net/unix each.</summary>
internal static class UnixSockets
{
    /// <summary>Whether somebody listens there; that a socket is bound, and its file there, is not enough to connect.</summary>
    public static bool IsListenedOn(string path) => Of(path).Any(columns => columns[3] == "00010000");

    /// <summary>Connections that came by a path, were accepted and not closed.</summary>
    public static int Connections(string path) => Of(path).Count(columns => columns[5] == "03");

    /// <summary>Number, references, protocol, flags, type, state, inode, path.</summary>
    private static IEnumerable<string[]> Of(string path) => File.ReadLines("/proc/net/unix")
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Where(columns => columns.Length == 8 && columns[7] == path);
}
