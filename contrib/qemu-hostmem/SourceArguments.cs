namespace Hostmemd.QemuHostmem;

/// <summary>
/// The command line of the source: a QEMU of the same machine and devices, which hands its state over before it ever ran. It gets none of
/// what belongs to the host, so that the two do not fight for it: no monitor, no image, no network, no screen.
/// </summary>
internal static class SourceArguments
{
    private static readonly string[] DroppedWithValue =
    [
        "qmp", "qmp-pretty", "monitor", "mon", "pidfile", "D", "d", "trace", "vnc", "spice", "gdb", "display", "run-with", "add-fd",
    ];

    private static readonly string[] Dropped = ["S", "s", "nographic", "curses"];

    private static readonly string[] KeptOfDrive = ["if", "id", "index", "bus", "unit", "media"];

    public static List<string> Make(IReadOnlyList<string> command, IEnumerable<ChosenBackend> backends, string qmp)
    {
        var made = new List<string>();
        for (var i = 0; i < command.Count; i++)
        {
            var argument = command[i];
            var name = argument.StartsWith('-') ? argument.TrimStart('-') : "";
            if (Dropped.Contains(name))
                continue;
            if (name.Length == 0 || i + 1 == command.Count)
            {
                made.Add(argument);
                continue;
            }
            if (DroppedWithValue.Contains(name))
                i++;
            else if (Replaced(name, command[i + 1]) is { } replaced)
                (made, i) = ([.. made, .. replaced], i + 1);
            else
                made.Add(argument);
        }
        foreach (var backend in backends.Where(backend => !backend.IsLater))
            made.AddRange(["-object", $"memory-backend-memfd,id={backend.Id},size={backend.Size},share=on"]);
        return [.. made, "-machine", "aux-ram-share=on", "-display", "none", "-monitor", "none", "-S", "-qmp", $"unix:{qmp},server=on,wait=off"];
    }

    /// <summary>The same for the guest, with nothing behind it; null: the option stays.</summary>
    private static string[]? Replaced(string name, string value) => name switch
    {
        "serial" or "parallel" or "debugcon" => [$"-{name}", "null"],
        "chardev" => ["-chardev", $"null,id={Find(value, "id")}"],
        "netdev" => ["-netdev", $"hubport,hubid=0,id={Find(value, "id")}"],
        "blockdev" => ["-blockdev", $"driver=null-co,node-name={Find(value, "node-name")}"],
        "drive" => ["-drive", string.Join(',', [.. QemuArguments.Pairs(value).Where(pair => KeptOfDrive.Contains(pair.Key)).Select(pair => $"{pair.Key}={pair.Value}"), "driver=null-co"])],
        "hda" or "hdb" or "hdc" or "hdd" => ["-drive", $"if=ide,index={name[2] - 'a'},driver=null-co"],
        _ => null,
    };

    /// <summary>A member of an option in either form.</summary>
    private static string Find(string value, string key)
    {
        if (!value.StartsWith('{'))
            return QemuArguments.Pairs(value).FirstOrDefault(pair => pair.Key == key).Value ?? "";
        var json = Protocol.Wire.JsonText.Parse(value) as Protocol.Wire.JsonObject;
        return (json?[key] as Protocol.Wire.JsonString)?.Value ?? "";
    }
}
