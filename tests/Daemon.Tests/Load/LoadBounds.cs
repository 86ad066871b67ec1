using Hostmemd.Daemon.Tests.Processes;

namespace Hostmemd.Daemon.Tests.Load;

/// <summary>What differs between the program that ships and the one built for tests, and how long is tested.</summary>
internal static class LoadBounds
{
    public const long KiB = 1 << 10;
    public const long MiB = 1 << 20;

    /// <summary>
    /// HOSTMEMD_PROGRAM is set: ahead-of-time compiled. The program beside the tests is compiled as it runs, in a debug build: it takes longer,
    /// maps more, and grows while it compiles, so its bounds catch only what grows with the load.
    /// </summary>
    public static bool IsPublished { get; } = Environment.GetEnvironmentVariable("HOSTMEMD_PROGRAM") is not null;

    public static bool IsLong { get; } = Environment.GetEnvironmentVariable("HOSTMEMD_LONG") == "1";

    /// <summary>How long the mixed load runs.</summary>
    public static TimeSpan Soak { get; } = Environment.GetEnvironmentVariable("HOSTMEMD_SOAK") is { } seconds
        ? TimeSpan.FromSeconds(int.Parse(seconds, System.Globalization.CultureInfo.InvariantCulture))
        : IsLong ? TimeSpan.FromMinutes(10) : TimeSpan.FromSeconds(3);

    public static T Choose<T>(T published, T compiledAsItRuns) => IsPublished ? published : compiledAsItRuns;

    /// <summary>Sockets that the daemon has open, once those of clients that left before are closed.</summary>
    /// <param name="clients">Those that are connected.</param>
    public static async Task<int> SocketsAtRestAsync(DaemonFixture daemon, int clients = 0)
    {
        await Eventually.TrueAsync(
            () => UnixSockets.Connections(daemon.Socket) == clients, () => $"{UnixSockets.Connections(daemon.Socket)} connections, not {clients}");
        return Sockets(daemon);
    }

    /// <summary>Every descriptor has come back; the last close a moment after their clients have left.</summary>
    public static Task SocketsReturnAsync(DaemonFixture daemon, int before) => Eventually.TrueAsync(
        () => Sockets(daemon) == before, () => $"{before} sockets before, now {Sockets(daemon)}");

    public static int Sockets(DaemonFixture daemon) => ProcessResources.Count("socket:", daemon.Pid);
}
