using System.Globalization;
using System.Text;
using Hostmemd.Devices;
using Hostmemd.Guests;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Startup;

/// <summary>
/// What "help" prints in place of an object's type, a machine, an accelerator or a device, and behind one: QEMU's layout, sentences of our own.
/// </summary>
internal static class KindHelp
{
    // Where descriptions begin, as long as the property leaves room (seen in QEMU 11.1.3).
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
    /// <exception cref="OptionException">There is no such type of objects.</exception>
    /// <exception cref="QmpException">There is no such device.</exception>
    public static string? For(string option, string argument)
    {
        var parts = argument.Split(',');
        if (argument.StartsWith('{') || !parts.Any(part => part is "help" or "?"))
            return null;
        var kind = parts[0] is "help" or "?" ? null : parts[0];
        return option switch
        {
            "object" => kind is null ? Lines(ObjectTypes()) : ObjectProperties(Named(kind, "qom-type")),
            "machine" or "M" => kind is null ? Lines(Machines) : MachineOptions(Named(kind, "type")),
            "accel" => Lines(Accelerators),
            "device" => kind is null ? Lines(Devices) : DeviceProperties(Named(kind, "driver")),
            _ => null,
        };
    }

    private static IEnumerable<string> ObjectTypes() =>
    [
        "List of user creatable objects:",
        .. QomTypes.List("user-creatable", withAbstract: false).Select(type => type.Name).Order(StringComparer.Ordinal).Select(name => $"  {name}"),
    ];

    private static string ObjectProperties(string type) =>
        QomTypes.List("user-creatable", withAbstract: false).Any(known => known.Name == type)
            ? Options(type, QomTypes.Properties(type)
                .Where(property => property.Name is not ("type" or "thread-id"))
                .Select(property => ($"{property.Name}=<{property.Type}>", property.Description))
                .OrderBy(line => line.Item1, StringComparer.Ordinal))
            : throw new OptionException($"Parameter 'qom-type' does not accept value '{type}'");

    private static string MachineOptions(string machine) => Options(
        Machine.QomTypeOf(machine == "none" ? MachineKind.None : MachineKind.Q35),
        OptionGroups.All.Single(group => group.Option == "machine").Parameters.Where(parameter => parameter.Name != "type")
            .Select(parameter => ($"{parameter.Name}=<string>", parameter.Help)));

    private static string DeviceProperties(string type) => Options(
        type,
        QomTypes.DeviceProperties(type).OrderBy(property => property.Name, StringComparer.Ordinal)
            .Select(property => ($"{property.Name}=<{property.Type}>", property.Default is { } value ? $" (default: {value})" : null)));

    /// <summary>A kind as the first part names it, with its key or without.</summary>
    private static string Named(string part, string key) => part.StartsWith(key + "=", StringComparison.Ordinal) ? part[(key.Length + 1)..] : part;

    private static string Options(string kind, IEnumerable<(string Name, string? Description)> options) => Lines(
    [
        $"{kind} options:",
        .. options.Select(option => option.Description is null ? $"  {option.Name}" : $"  {option.Name,-Column} - {option.Description}"),
    ]);

    private static string Lines(IEnumerable<string> lines)
    {
        var text = new StringBuilder();
        foreach (var line in lines)
            text.Append(CultureInfo.InvariantCulture, $"{line}\n");
        return text.ToString();
    }
}
