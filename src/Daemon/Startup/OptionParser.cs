using System.Globalization;
using Hostmemd.Api;
using Hostmemd.Commands;
using Hostmemd.Guests;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Startup;

/// <summary>Reads QEMU's command line, one dash or two, as far as it has a meaning here.</summary>
internal static class OptionParser
{
    private const ulong MaxDimmSlots = 32000;

    private sealed record Option(bool TakesArgument, Action<DaemonOptions, string> Apply);

    private static readonly Dictionary<string, Option> Table = new()
    {
        ["qmp"] = new(true, MonitorOptions.AddQmp),
        ["chardev"] = new(true, MonitorOptions.AddChardev),
        ["mon"] = new(true, MonitorOptions.AddMonitor),
        ["M"] = new(true, SetMachine),
        ["machine"] = new(true, SetMachine),
        ["accel"] = new(true, SetAccelerator),
        ["m"] = new(true, SetMemory),
        ["numa"] = new(true, NumaOption.Apply),
        ["object"] = new(true, (options, text) => options.Objects.Add((text, ReadObject(text)))),
        ["device"] = new(true, (options, text) => options.Devices.Add((text, ReadDevice(text)))),
        ["S"] = new(false, (options, _) => options.StartPaused = true),
        ["name"] = new(true, SetName),
        ["uuid"] = new(true, (options, text) => options.Uuid =
            Guid.TryParseExact(text, "D", out var uuid) ? uuid : throw new OptionException("failed to parse UUID string: wrong format")),
        ["metrics"] = new(true, MonitorOptions.SetMetrics),
        ["daemonize"] = new(false, (options, _) => options.Daemonize = true),
        [ParentChannel.Option[1..]] = new(true, (options, text) => options.ParentChannel = int.Parse(text, CultureInfo.InvariantCulture)),
        ["pidfile"] = new(true, (options, text) => options.PidFile = text),
        ["D"] = new(true, (options, text) => options.LogFile = text),
        ["d"] = new(true, SetLogItems),
        ["lend-dir"] = new(true, (options, text) => options.LendDirectory = LendDirectoryOption.Parse(text)),
        ["keep"] = new(true, KeepOption.Parse),
        ["adopt"] = new(true, KeepOption.ParseAdopted),
        ["version"] = new(false, (options, _) => options.PrintAndExit = VersionText),
        ["help"] = new(false, (options, _) => options.PrintAndExit = HelpText.Text),
        ["h"] = new(false, (options, _) => options.PrintAndExit = HelpText.Text),
        // What these switch off in QEMU is not here in the first place.
        ["nographic"] = new(false, (_, _) => { }),
        ["nodefaults"] = new(false, (_, _) => { }),
        ["no-user-config"] = new(false, (_, _) => { }),
        ["display"] = new(true, (_, text) => Expect(text == "none", "only 'none' is supported")),
        // A promise of safety is never accepted and ignored.
        ["sandbox"] = new(true, (_, text) => Expect(text == "off" || text.StartsWith("off,", StringComparison.Ordinal), "sandbox is not supported")),
    };

    public static string VersionText => $"{ControlCommands.Version.Package}\n";

    /// <exception cref="OptionException">With the option in front, as QEMU prints it.</exception>
    public static DaemonOptions Parse(IReadOnlyList<string> arguments)
    {
        var options = new DaemonOptions();
        for (var i = 0; i < arguments.Count && options.PrintAndExit is null; i++)
        {
            var shown = arguments[i];
            var name = shown.StartsWith("--", StringComparison.Ordinal) ? shown[2..] : shown.StartsWith('-') ? shown[1..] : "";
            if (!Table.TryGetValue(name, out var option))
                throw new OptionException($"{shown}: invalid option");
            if (option.TakesArgument && i + 1 == arguments.Count)
                throw new OptionException($"{shown}: requires an argument");
            var argument = option.TakesArgument ? arguments[++i] : "";
            try
            {
                options.PrintAndExit = KindHelp.For(name, argument);
                if (options.PrintAndExit is null)
                    option.Apply(options, argument);
            }
            catch (Exception e) when (e is OptionException or QmpException or FormatException)
            {
                throw new OptionException($"{shown}{(argument.Length > 0 ? " " : "")}{argument}: {e.Message}");
            }
        }
        if (options.PrintAndExit is null)
            MonitorOptions.Resolve(options);
        return options;
    }

    internal static UnixFileMode FileMode(string text)
    {
        try
        {
            var mode = Convert.ToInt32(text, 8);
            if (mode is >= 0 and <= 0x1FF)
                return (UnixFileMode)mode;
        }
        catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
        {
            // Said below.
        }
        throw ProtocolErrors.Expects("mode", "permissions in octal, such as 0660");
    }

    private static void SetMachine(DaemonOptions options, string text)
    {
        foreach (var (key, value) in KeyValues.Split(text, "type"))
            switch (key)
            {
                case "type":
                    options.MachineKind = value switch
                    {
                        "none" => MachineKind.None,
                        "q35" or "pc-q35-11.1" when Machine.IsAvailable(MachineKind.Q35) => MachineKind.Q35,
                        _ => throw new OptionException($"unsupported machine type: \"{value}\"; there are 'none' and 'q35'"),
                    };
                    break;
                case "accel":
                    options.Accelerators = [.. value.Split(':').Select(Accelerator)];
                    break;
                case "memory-backend":
                    options.MemoryBackend = value;
                    break;
                default:
                    throw new OptionException($"Property '{Machine.QomTypeOf(options.MachineKind)}.{key}' not found");
            }
    }

    private static void SetAccelerator(DaemonOptions options, string text)
    {
        var parts = KeyValues.Split(text, "accel");
        var name = parts[0].Value;
        options.Accelerators = [.. options.Accelerators, Accelerator(name)];
        foreach (var (key, value) in parts.Skip(1).Where(part => part.Key.Length > 0))
        {
            if (name != "kvm" || key != "dirty-ring-size")
                throw new OptionException($"Property '{name}-accel.{key}' not found");
            if (!long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var size))
                throw ProtocolErrors.Expects(key, "uint64");
            if (size is < 0 or > uint.MaxValue)
                throw ProtocolErrors.Expects(key, "uint32_t");
            Expect(size == 0 || long.IsPow2(size), "dirty-ring-size must be a power of two.");
            options.DirtyRingSize = (uint)size;
        }
    }

    private static string Accelerator(string text) => text switch
    {
        "kvm" => "kvm",
        // Nothing runs on them here.
        "none" or "tcg" or "qtest" => "none",
        _ => throw new OptionException($"invalid accelerator {text}"),
    };

    private static void SetMemory(DaemonOptions options, string text)
    {
        const ulong mebibyte = 1 << 20;
        foreach (var (key, value) in KeyValues.Split(text, "size"))
            switch (key)
            {
                case "size": options.RamSize = TextValues.Size(key, value, mebibyte); break;
                case "maxmem": options.MaxRamSize = TextValues.Size(key, value, mebibyte); break;
                case "slots": options.DimmSlots = TextValues.Unsigned(key, value); break;
                default: throw ProtocolErrors.Invalid(key);
            }
        Expect(options.DimmSlots <= MaxDimmSlots, $"unsupported amount of memory slots: {options.DimmSlots}");
    }

    private static void SetName(DaemonOptions options, string text)
    {
        foreach (var (key, value) in KeyValues.Split(text, "guest"))
            switch (key)
            {
                case "guest": options.Name = value; break;
                // Threads here have their names always, and the process keeps its own.
                case "debug-threads" or "process": break;
                default: throw ProtocolErrors.Invalid(key);
            }
    }

    private static void SetLogItems(DaemonOptions options, string text)
    {
        foreach (var item in text.Split(','))
            Expect(item == "commands", $"invalid log item '{item}', there is 'commands'");
        options.LogCommands = true;
    }

    private static ObjectOptions ReadObject(string text) => text.StartsWith('{')
        ? InputVisitor.Read<ObjectOptions>(ReadJson(text))
        : InputVisitor.ReadText<ObjectOptions>(KeyValues.ToObject(KeyValues.Split(text, "qom-type")));

    private static JsonObject ReadDevice(string text)
    {
        if (text.StartsWith('{'))
            return ReadJson(text);
        var pairs = KeyValues.Split(text, "driver");
        return new JsonObject(KeyValues.ToObject(pairs).Members.Select(member => KeyValuePair.Create(
            member.Key, member.Key is "addr" or "slot" or "node" ? ReadNumber(member.Key, ((JsonString)member.Value).Value) : member.Value)));
    }

    private static JsonNumber ReadNumber(string key, string text) =>
        key == "slot" && int.TryParse(text, out var slot) ? JsonNumber.Of(slot) : JsonNumber.Of(TextValues.Unsigned(key, text));

    private static JsonObject ReadJson(string text) =>
        JsonText.Parse(text) as JsonObject ?? throw new OptionException("expected a JSON object");

    private static void Expect(bool holds, string message)
    {
        if (!holds)
            throw new OptionException(message);
    }
}
