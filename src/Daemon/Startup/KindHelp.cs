using System.Globalization;
using System.Text;
using Hostmemd.Devices;
using Hostmemd.Guests;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Startup;

/// <summary>What "help" prints in place of a machine, an accelerator or a device, and behind one: QEMU's layout, sentences of our own.</summary>
internal static class KindHelp
{
    // Where descriptions begin (seen in QEMU 11.1.3).
    private const int Column = 22;

    private static readonly string[] Machines =
    [
        "Supported machines are:",
        $"{"q35",-20} memory map of a PC with Q35 (alias of {Machine.NameOf(MachineKind.Q35)})",
        $"{Machine.NameOf(MachineKind.Q35),-20} memory map of a PC with Q35",
        $"{"none",-20} empty machine (default)",
    ];

    private static readonly string[] Accelerators = ["Accelerators supported in hostmemd:", "kvm", "none"];

    private static readonly string[] Devices = ["Memory devices:", $"name \"{Dimm.TypeName}\", desc \"memory module, plugged whole\""];

    /// <summary>The text, where help is what an option's argument asks for; else null.</summary>
    /// <param name="option">Its name without dashes.</param>
    /// <exception cref="QmpException">There is no such device.</exception>
    public static string? For(string option, string argument)
    {
        var parts = argument.Split(',');
        if (argument.StartsWith('{') || !parts.Any(part => part is "help" or "?"))
            return null;
        var kind = parts[0] is "help" or "?" ? null : parts[0];
        return option switch
        {
            "machine" or "M" => kind is null ? Lines(Machines) : MachineOptions(kind),
            "accel" => Lines(Accelerators),
            "device" => kind is null ? Lines(Devices) : DeviceProperties(kind),
            _ => null,
        };
    }

    private static string MachineOptions(string machine)
    {
        var kind = machine.StartsWith("type=", StringComparison.Ordinal) ? machine["type=".Length..] : machine;
        var type = Machine.QomTypeOf(kind == "none" ? MachineKind.None : MachineKind.Q35);
        return Lines(
        [
            $"{type} options:",
            .. OptionGroups.All.Single(group => group.Option == "machine").Parameters.Where(parameter => parameter.Name != "type")
                .Select(parameter => $"  {parameter.Name + "=<string>",-Column} - {parameter.Help}"),
        ]);
    }

    private static string DeviceProperties(string device)
    {
        var type = device.StartsWith("driver=", StringComparison.Ordinal) ? device["driver=".Length..] : device;
        return Lines(
        [
            $"{type} options:",
            .. QomTypes.DeviceProperties(type).OrderBy(property => property.Name, StringComparer.Ordinal).Select(property =>
            {
                var left = $"  {property.Name}=<{property.Type}>";
                return property.Default is { } value ? $"{left.PadRight(Column + 2)} -  (default: {value})" : left;
            }),
        ]);
    }

    private static string Lines(IEnumerable<string> lines)
    {
        var text = new StringBuilder();
        foreach (var line in lines)
            text.Append(CultureInfo.InvariantCulture, $"{line}\n");
        return text.ToString();
    }
}
