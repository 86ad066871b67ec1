using Hostmemd.Keeping;
using Hostmemd.Sessions;

namespace Hostmemd.Startup;

/// <summary>Sockets that a service manager made and handed over.</summary>
internal static class SocketActivation
{
    /// <summary>What stands for the option in messages.</summary>
    public const string Option = "LISTEN_FDS";

    /// <summary>Name of a socket (FileDescriptorName= of its unit) whose clients may change nothing.</summary>
    public const string ReadOnlyName = "readonly";

    /// <summary>Name of a socket that metrics are read from.</summary>
    public const string MetricsName = "metrics";

    /// <summary>Adds the Unix sockets that listen to what the command line asked for. Other descriptors stay as they are.</summary>
    public static void AddTo(DaemonOptions options, IReadOnlyList<GivenDescriptor> given)
    {
        foreach (var (number, name) in given)
        {
            if (!ListeningSocket.IsListening(number))
                continue;
            var socket = new ListenOptions("") { Option = Option, Descriptor = number, ReadOnly = name == ReadOnlyName };
            if (name == MetricsName)
                options.Metrics = socket;
            else
                options.Listen.Add(socket);
        }
    }
}
