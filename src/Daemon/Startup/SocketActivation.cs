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

    /// <summary>
    /// Adds the Unix sockets that listen to what the command line asked for, and takes the variables that tell of them out of the environment.
    /// Other descriptors stay as they are.
    /// </summary>
    public static void AddTo(DaemonOptions options)
    {
        if (Environment.GetEnvironmentVariable("LISTEN_PID") is not { } process
            || process != Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
            || !int.TryParse(Environment.GetEnvironmentVariable("LISTEN_FDS"), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            return;
        var names = Environment.GetEnvironmentVariable("LISTEN_FDNAMES")?.Split(':') ?? [];
        // They are not those of the programs that we start.
        foreach (var variable in (string[])["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"])
            Environment.SetEnvironmentVariable(variable, null);
        for (var i = 0; i < count; i++)
        {
            if (!ListeningSocket.IsListening(FirstDescriptor + i))
                continue;
            var name = i < names.Length ? names[i] : "";
            var socket = new ListenOptions("") { Option = "LISTEN_FDS", Descriptor = FirstDescriptor + i, ReadOnly = name == ReadOnlyName };
            if (name == MetricsName)
                options.Metrics = socket;
            else
                options.Listen.Add(socket);
        }
    }
}
