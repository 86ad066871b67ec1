using System.Globalization;

namespace Hostmemd.Daemon.Tests.Support;

/// <summary>The processes that a process has started, as /proc tells them.</summary>
internal static class Children
{
    /// <summary>Those that run, zombies too, but for those that the tests' own Process class has.</summary>
    public static IReadOnlyList<int> Of(int? pid = null) =>
    [
        .. Threads.Files("children", pid).SelectMany(children => children.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(child => int.Parse(child, CultureInfo.InvariantCulture)),
    ];

    /// <summary>The helper process of a process, once it is there.</summary>
    public static async Task<int> HelperAsync(int? pid = null)
    {
        var found = 0;
        await Eventually.TrueAsync(
            () => (found = Of(pid).FirstOrDefault(child => CommandLine(child).Contains("-populate", StringComparison.Ordinal))) != 0,
            () => "no helper process was started");
        return found;
    }

    /// <summary>Waits until a process, which may be a shell still, has become the program that messages then show.</summary>
    public static Task BecomesAsync(int pid, string program) => Eventually.TrueAsync(
        () => File.ReadAllText($"/proc/{pid}/comm") == program + "\n", () => $"process {pid} has not become {program}");

    /// <summary>Whether a process still works: neither gone nor a zombie that nobody has waited for.</summary>
    public static bool Runs(int pid)
    {
        try
        {
            var status = File.ReadAllText($"/proc/{pid}/stat");
            return status[status.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static string CommandLine(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline");
        }
        catch (IOException)
        {
            return "";
        }
    }
}
