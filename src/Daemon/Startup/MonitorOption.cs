using Hostmemd.Sessions;

namespace Hostmemd.Startup;

/// <summary>A monitor that the command line asks for: on a socket of its own, or on a chardev.</summary>
/// <param name="Option">As it was given.</param>
/// <param name="Id">Its name among the objects; null: a name as QEMU gives it.</param>
internal sealed record MonitorOption(string Option, string? Id)
{
    public ListenOptions? Socket { get; init; }

    public string? Chardev { get; init; }
}
