using System.Globalization;
using Hostmemd.Sessions;

namespace Hostmemd.Startup;

/// <summary>Sockets that a service manager made and handed over. Source: man 3 sd_listen_fds.</summary>
internal static class SocketActivation
{
    private const int FirstDescriptor = 3;

    /// <summary>Name of a socket (FileDescriptorName= of its unit) whose clients may change nothing.</summary>
    public const string ReadOnlyName = "readonly";

    /// <summary>Name of a socket that metrics are read from.</summary>
    public const string MetricsName = "metrics";

    /// <summary>Adds them to what the command line asked for: a QMP socket each that has no other use.</summary>
    public static void AddTo(DaemonOptions options)
    {
        foreach (var (descriptor, name) in Take())
        {
            var socket = new ListenOptions("") { Option = "LISTEN_FDS", Descriptor = descriptor, ReadOnly = name == ReadOnlyName };
            if (name == MetricsName)
                options.Metrics = socket;
            else
                options.Listen.Add(socket);
        }
    }

    /// <summary>Takes the Unix sockets that listen, and the variables that tell of them out of the environment; other descriptors stay as they are.</summary>
    private static IReadOnlyList<(int Descriptor, string Name)> Take()
    {
        var process = Environment.GetEnvironmentVariable("LISTEN_PID");
        var count = Environment.GetEnvironmentVariable("LISTEN_FDS");
        var names = Environment.GetEnvironmentVariable("LISTEN_FDNAMES")?.Split(':') ?? [];
        if (process != Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
            || !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return [];
        // They are not those of the programs that we start.
        foreach (var variable in (string[])["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"])
            Environment.SetEnvironmentVariable(variable, null);
        return
        [
            .. Enumerable.Range(0, number).Select(index => (FirstDescriptor + index, index < names.Length ? names[index] : ""))
                .Where(given => ListeningSocket.IsListening(given.Item1)),
        ];
    }
}
