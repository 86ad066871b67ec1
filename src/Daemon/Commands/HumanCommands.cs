using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Monitor;
using Hostmemd.Protocol.Errors;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>The human monitor, through QMP.</summary>
internal static class HumanCommands
{
    /// <exception cref="QmpException">There is no such CPU: a machine has number 0, machine none has none.</exception>
    public static string Run(Client client, HumanMonitorArguments arguments) =>
        arguments.CpuIndex is { } index && !(index == 0 && client.Guest.Machine.Kind != MachineKind.None)
            ? throw ProtocolErrors.Expects("cpu-index", "a CPU number")
            : HumanMonitor.Run(client, arguments.CommandLine);
}
