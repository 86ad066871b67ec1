using System.Globalization;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Sessions;

namespace Hostmemd.Startup;

/// <summary>The options that say where QMP is spoken: -qmp, and -chardev with -mon, which say the same in two steps.</summary>
internal static class MonitorOptions
{
    private const string ChardevPrefix = "chardev:";

    /// <summary>-qmp unix:PATH[,...] or -qmp chardev:ID.</summary>
    public static void AddQmp(DaemonOptions options, string text)
    {
        if (text.StartsWith(ChardevPrefix, StringComparison.Ordinal))
        {
            options.Monitors.Add(new($"-qmp {text}", null) { Chardev = text[ChardevPrefix.Length..] });
            return;
        }
        var socket = UnixSocket("-qmp", text);
        options.Monitors.Add(new(socket.Option, null) { Socket = socket });
    }

    /// <summary>-metrics unix:PATH[,...].</summary>
    public static void SetMetrics(DaemonOptions options, string text) => options.Metrics = UnixSocket("-metrics", text);

    /// <summary>-chardev socket,id=ID,path=PATH[,...] or fd=N.</summary>
    public static void AddChardev(DaemonOptions options, string text)
    {
        var socket = new ListenOptions("") { Option = $"-chardev {text}" };
        foreach (var (key, value) in KeyValues.Split(text, "backend"))
            socket = key switch
            {
                "backend" => value == "socket" ? socket : throw new OptionException($"'{value}' is not a valid char driver name; there is 'socket'"),
                "id" => socket with { Label = value },
                "path" => socket with { Path = value },
                "fd" => socket with { Descriptor = Number(key, value) },
                _ => Set(socket, key, value),
            };
        if (socket.Label is not { Length: > 0 } label)
            throw new OptionException("chardev: no id specified");
        if ((socket.Path.Length > 0) == socket.Descriptor.HasValue)
            throw new OptionException("either 'path' or 'fd' is needed");
        if (!options.Chardevs.TryAdd(label, Checked(socket)))
            throw new OptionException($"Duplicate ID '{label}' for chardev");
    }

    /// <summary>-mon chardev=ID,mode=control[,id=ID].</summary>
    public static void AddMonitor(DaemonOptions options, string text)
    {
        string? chardev = null, id = null;
        var mode = "readline";
        foreach (var (key, value) in KeyValues.Split(text, "chardev"))
            switch (key)
            {
                case "chardev": chardev = value; break;
                case "id": id = value; break;
                case "mode": mode = value; break;
                case "pretty":
                    if (TextValues.Bool(key, value))
                        throw new OptionException("'pretty=on' is not supported");
                    break;
                default: throw ProtocolErrors.Invalid(key);
            }
        if (mode is not ("control" or "readline"))
            throw new OptionException($"Parameter 'mode' does not accept value '{mode}'");
        if (mode != "control")
            throw new OptionException("only 'mode=control' is supported");
        options.Monitors.Add(new($"-mon {text}", id) { Chardev = chardev ?? throw ProtocolErrors.Missing("chardev") });
    }

    /// <summary>Brings together what -mon and -chardev said: all sockets to listen on, in the monitors' order.</summary>
    /// <exception cref="OptionException">One of them lacks the other.</exception>
    public static void Resolve(DaemonOptions options)
    {
        var unused = options.Chardevs.Keys.ToHashSet(StringComparer.Ordinal);
        foreach (var monitor in options.Monitors)
        {
            if (monitor.Socket is { } socket)
            {
                options.Listen.Add(socket);
                continue;
            }
            if (!options.Chardevs.TryGetValue(monitor.Chardev!, out var chardev))
                throw new OptionException($"{monitor.Option}: chardev \"{monitor.Chardev}\" not found");
            if (!unused.Remove(monitor.Chardev!))
                throw new OptionException($"{monitor.Option}: chardev \"{monitor.Chardev}\" is already in use");
            options.Listen.Add(chardev with { MonitorId = monitor.Id });
        }
        if (unused.FirstOrDefault() is { } left)
            throw new OptionException($"{options.Chardevs[left].Option}: no -mon uses it");
    }

    private static ListenOptions UnixSocket(string option, string text)
    {
        var socket = new ListenOptions("") { Option = $"{option} {text}" };
        foreach (var (key, value) in KeyValues.Split(text, "address"))
            if (key == "address")
            {
                if (!value.StartsWith("unix:", StringComparison.Ordinal) || value.Length == 5)
                    throw new OptionException("only unix:PATH is supported");
                socket = socket with { Path = value[5..] };
            }
            else
            {
                socket = Set(socket, key, value);
            }
        return Checked(socket);
    }

    private static ListenOptions Set(ListenOptions socket, string key, string value)
    {
        switch (key)
        {
            case "server":
                return TextValues.Bool(key, value) ? socket
                    : throw new OptionException("'server=off' is not supported, clients connect to the daemon");
            case "wait":
                // The daemon starts without clients in either case.
                _ = TextValues.Bool(key, value);
                return socket;
            case "abstract": return socket with { Abstract = TextValues.Bool(key, value) };
            case "tight": return socket with { Tight = TextValues.Bool(key, value) };
            case "readonly": return socket with { ReadOnly = TextValues.Bool(key, value) };
            case "mode": return socket with { Mode = OptionParser.FileMode(value) };
            case "group": return socket with { Group = value };
            default: throw ProtocolErrors.Invalid(key);
        }
    }

    /// <summary>Permissions are a file's.</summary>
    private static ListenOptions Checked(ListenOptions socket) =>
        (socket.Mode is not null || socket.Group is not null) && (socket.Abstract || socket.Descriptor is not null)
            ? throw new OptionException("'mode' and 'group' need a socket in the file system")
            : socket;

    private static int Number(string key, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw ProtocolErrors.Expects(key, "a number");
}
