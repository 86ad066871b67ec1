using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Protocol.Errors;
using Hostmemd.Sessions;
using Hostmemd.Startup;

namespace Hostmemd.Commands;

/// <summary>What the program can be started as, and what it is connected by: the questions of those who start many.</summary>
internal static class MachineCommands
{
    public static List<MachineInfo> QueryMachines(QueryMachinesArguments arguments) =>
        Machine.IsAvailable(MachineKind.Q35)
            ? [Describe(MachineKind.None, arguments.CompatProps == true), Describe(MachineKind.Q35, arguments.CompatProps == true)]
            : [Describe(MachineKind.None, arguments.CompatProps == true)];

    /// <exception cref="QmpException">There is no such option, or its argument is not of keys and values.</exception>
    public static List<CommandLineOptionInfo> QueryCommandLineOptions(QueryCommandLineOptionsArguments arguments)
    {
        if (arguments.Option is not { } wanted)
            return [.. OptionGroups.All];
        var found = OptionGroups.All.Where(group => group.Option == wanted).ToList();
        return found.Count > 0 ? found : throw new QmpException($"invalid option name: {wanted}");
    }

    /// <summary>None: a guest's memory stays where it is.</summary>
    public static List<MigrationCapabilityStatus> QueryMigrateCapabilities() => [];

    public static List<ChardevInfo> QueryChardev(Client client) =>
    [
        .. client.Guest.Options.Monitors.Select(monitor => new ChardevInfo
        {
            Label = monitor.Label,
            Filename = monitor.Clients > 0 ? monitor.Filename : "disconnected:" + monitor.Filename,
            FrontendOpen = true,
        }),
    ];

    private static MachineInfo Describe(MachineKind kind, bool withCompatProps) => new()
    {
        Name = Machine.NameOf(kind),
        Alias = kind == MachineKind.Q35 ? "q35" : null,
        IsDefault = kind == MachineKind.None ? true : null,
        CpuMax = 1,
        DefaultRamId = kind == MachineKind.Q35 ? BaseMemory.Id : null,
        CompatProps = withCompatProps ? [] : null,
    };
}
