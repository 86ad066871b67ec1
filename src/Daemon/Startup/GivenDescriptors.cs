using System.Globalization;

namespace Hostmemd.Startup;

/// <summary>Descriptors that a service manager hands to the program: sockets of the unit, and its store. Source: man 3 sd_listen_fds.</summary>
internal static class GivenDescriptors
{
    private const int First = 3;

    private static readonly string[] Variables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

    /// <summary>Takes the variables that tell of them out of the environment: they are not for the programs that we start.</summary>
    /// <returns>Number and name of each, the name empty where it has none; nothing when they are another process's.</returns>
    public static IReadOnlyList<(int Descriptor, string Name)> Take()
    {
        var process = Environment.GetEnvironmentVariable("LISTEN_PID");
        var count = Environment.GetEnvironmentVariable("LISTEN_FDS");
        var names = Environment.GetEnvironmentVariable("LISTEN_FDNAMES")?.Split(':') ?? [];
        if (process != Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
            || !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return [];
        foreach (var variable in Variables)
            Environment.SetEnvironmentVariable(variable, null);
        return [.. Enumerable.Range(0, number).Select(index => (First + index, index < names.Length ? names[index] : ""))];
    }
}
