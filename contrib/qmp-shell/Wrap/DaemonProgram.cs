namespace Hostmemd.QmpShell.Wrap;

/// <summary>Finds the daemon that belongs to this shell.</summary>
internal static class DaemonProgram
{
    private const string Name = "hostmemd";

    /// <summary>The daemon beside our own assembly, else the one that PATH names.</summary>
    public static string Find()
    {
        string beside = Path.Combine(AppContext.BaseDirectory, Name);
        return File.Exists(beside) ? beside : Name;
    }
}
