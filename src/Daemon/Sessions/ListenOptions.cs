using Hostmemd.Guests;

namespace Hostmemd.Sessions;

/// <summary>One QMP socket, as the command line describes it.</summary>
/// <param name="Path">The socket's path, or its name in the abstract namespace; a leading '@' is not special.</param>
internal sealed record ListenOptions(string Path)
{
    /// <summary>The option that asked for it, as a message shows it.</summary>
    public string Option { get; init; } = "";

    /// <summary>The name is in the abstract namespace (man 7 unix) and not a path.</summary>
    public bool Abstract { get; init; }

    /// <summary>The abstract name is as long as it is; else it is filled up with zero bytes to the length of the longest.</summary>
    public bool Tight { get; init; } = true;

    /// <summary>Number of a descriptor that listens already, in place of a path; whoever made it removes its file.</summary>
    public int? Descriptor { get; init; }

    /// <summary>The socket listens already, on this descriptor: the program before this one in the same process has left it.</summary>
    public int? Inherited { get; init; }

    /// <summary>Only commands that change nothing.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Permissions of the socket; null: what the umask leaves.</summary>
    public UnixFileMode? Mode { get; init; }

    /// <summary>Group of the socket, by name or number.</summary>
    public string? Group { get; init; }

    /// <summary>The chardev's id; null: a name as QEMU gives it to a -qmp.</summary>
    public string? Label { get; init; }

    /// <summary>The monitor's id among the objects; null: as QEMU gives it.</summary>
    public string? MonitorId { get; init; }

    /// <summary>Where it listens, as an option's argument (seen in QEMU 11.1.3).</summary>
    public string Filename => $"unix:{Path}{(Abstract ? Tight ? ",abstract=on,tight=on" : ",abstract=on,tight=off" : "")},server=on";

    /// <summary>The option as a message shows it.</summary>
    public string Shown => Descriptor is { } number && Path.Length == 0 ? $"fd={number}" : Path;

    /// <summary>The monitors of these sockets, in their order.</summary>
    public static IReadOnlyList<QmpMonitor> MonitorsOf(IReadOnlyList<ListenOptions> sockets)
    {
        // Labels of our own count the -qmp options, monitors all that have no name: as QEMU does.
        var labels = 0;
        var monitors = 0;
        return
        [
            .. sockets.Select(socket => new QmpMonitor(
                socket.MonitorId ?? QmpMonitor.DefaultName(monitors++), socket.Label ?? QmpMonitor.DefaultName(labels++), socket.Filename)),
        ];
    }
}
