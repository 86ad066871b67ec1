using System.Globalization;
using Hostmemd.Keeping;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;

namespace Hostmemd.Startup;

/// <summary>The options -keep and -adopt: what outlives the daemon.</summary>
internal static class KeepOption
{
    /// <exception cref="OptionException">There is no such way.</exception>
    public static void Parse(DaemonOptions options, string text)
    {
        foreach (var (key, value) in KeyValues.Split(text, "mode"))
            switch (key)
            {
                case "mode":
                    options.Keep = value switch
                    {
                        "none" => KeepMode.None,
                        "process" => KeepMode.Process,
                        "systemd" => KeepMode.Systemd,
                        _ => throw ProtocolErrors.Expects("mode", "'none', 'process' or 'systemd'"),
                    };
                    break;
                case "restart": options.Restart = TextValues.Bool(key, value); break;
                default: throw ProtocolErrors.Invalid(key);
            }
        if (options is { Restart: true, Keep: not KeepMode.Process })
            throw new OptionException("'restart=on' is for 'process' alone: it is the keeper that starts the daemon again");
    }

    /// <exception cref="OptionException">Not a process and a descriptor.</exception>
    public static void ParseAdopted(DaemonOptions options, string text)
    {
        if (text.Split(':') is not [var pid, var number] || !TryNumber(pid, out var process) || !TryNumber(number, out var descriptor))
            throw new OptionException("expected PID:FD, the numbers of a process and of its descriptor");
        options.Adopted.Add((process, descriptor));
    }

    private static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
