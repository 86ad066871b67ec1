using System.Globalization;

namespace Hostmemd.Keeping;

/// <summary>
/// A descriptor that a service manager handed to the program: a socket of the unit, or one from its store. Source: man 3 sd_listen_fds.
/// </summary>
/// <param name="Name">Empty where it has none.</param>
internal sealed record GivenDescriptor(int Number, string Name)
{
    private const int First = 3;

    /// <summary>Takes the variables that tell of them out of the environment: they are not for the programs that we start.</summary>
    /// <returns>Nothing when they are another process's.</returns>
    public static IReadOnlyList<GivenDescriptor> TakeAll()
    {
        if (Environment.GetEnvironmentVariable("LISTEN_PID") is not { } process
            || process != Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
            || !int.TryParse(Environment.GetEnvironmentVariable("LISTEN_FDS"), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            return [];
        var names = Environment.GetEnvironmentVariable("LISTEN_FDNAMES")?.Split(':') ?? [];
        foreach (var variable in (string[])["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"])
            Environment.SetEnvironmentVariable(variable, null);
        var given = new List<GivenDescriptor>();
        for (var i = 0; i < count; i++)
            given.Add(new GivenDescriptor(First + i, i < names.Length ? names[i] : ""));
        return given;
    }
}
