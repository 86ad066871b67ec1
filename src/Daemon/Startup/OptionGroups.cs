using Hostmemd.Api;

namespace Hostmemd.Startup;

/// <summary>The options whose argument is of keys and values, with QEMU's names for these groups: what query-command-line-options shows.</summary>
internal static class OptionGroups
{
    public static IReadOnlyList<CommandLineOptionInfo> All =>
    [
        new() { Option = "accel" },
        Group(
            "chardev",
            Text("backend", "socket is what there is"),
            Text("id", "its name, for -mon"),
            Text("path", "Unix socket to listen on"),
            Text("fd", "number of a listening Unix socket that was handed over"),
            Switch("server", "on: clients connect to the daemon", "on"),
            Switch("wait", "the daemon starts without clients in either case"),
            Switch("abstract", "path is a name in the abstract namespace", "off"),
            Switch("tight", "an abstract name is as long as it is, not filled up", "on"),
            Switch("readonly", "take only commands that change nothing", "off"),
            Text("mode", "permissions of the socket in octal"),
            Text("group", "group of the socket")),
        new() { Option = "device" },
        Group("machine", Text("type", "none or q35"), Text("accel", "accelerators in the order they are tried, with colons between")),
        Group(
            "memory",
            Size("size", "RAM at the start"),
            Number("slots", "DIMMs that can be plugged"),
            Size("maxmem", "RAM with all that can be plugged")),
        Group("mon", Text("chardev", "the socket it talks over"), Text("mode", "control"), Switch("pretty", "off is what there is", "off")),
        Group(
            "name",
            Text("guest", "the guest's name"),
            Text("process", "accepted; the process keeps its own name"),
            Switch("debug-threads", "accepted; threads always have names")),
        new() { Option = "object" },
    ];

    private static CommandLineOptionInfo Group(string option, params List<CommandLineParameterInfo> parameters) =>
        new() { Option = option, Parameters = parameters };

    private static CommandLineParameterInfo Text(string name, string help) =>
        new() { Name = name, Type = CommandLineParameterType.String, Help = help };

    private static CommandLineParameterInfo Switch(string name, string help, string? standard = null) =>
        new() { Name = name, Type = CommandLineParameterType.Boolean, Help = help, Default = standard };

    private static CommandLineParameterInfo Number(string name, string help) =>
        new() { Name = name, Type = CommandLineParameterType.Number, Help = help };

    private static CommandLineParameterInfo Size(string name, string help) =>
        new() { Name = name, Type = CommandLineParameterType.Size, Help = help };
}
