using Hostmemd.Sessions;

namespace Hostmemd.Startup;

/// <summary>Sockets that a service manager made and handed over. Source: man 3 sd_listen_fds.</summary>
internal static class SocketActivation
{
    /// <summary>Name of a socket (FileDescriptorName= of its unit) whose clients may change nothing.</summary>
    public const string ReadOnlyName = "readonly";

    /// <summary>Name of a socket that metrics are read from.</summary>
    public const string MetricsName = "metrics";

    /// <summary>Adds them to what the command line asked for: a QMP socket each that has no other use.</summary>
    /// <param name="given">What a service manager handed over; what is no Unix socket that listens stays as it is.</param>
    public static void AddTo(DaemonOptions options, IReadOnlyList<(int Descriptor, string Name)> given)
    {
        foreach (var (descriptor, name) in given.Where(given => ListeningSocket.IsListening(given.Descriptor)))
        {
            var socket = new ListenOptions("") { Option = "LISTEN_FDS", Descriptor = descriptor, ReadOnly = name == ReadOnlyName };
            if (name == MetricsName)
                options.Metrics = socket;
            else
                options.Listen.Add(socket);
        }
    }
}
