namespace Hostmemd.Daemon.Tests.Support;

/// <summary>The threads of a process, as /proc tells them; those that end meanwhile are left out.</summary>
internal static class Threads
{
    public static IEnumerable<string> Names(int? pid = null) => Files("comm", pid).Select(name => name.Trim());

    /// <summary>What stands in a file that each thread has, as "stat"; of this process's threads without an id.</summary>
    public static IReadOnlyList<string> Files(string name, int? pid = null)
    {
        var texts = new List<string>();
        foreach (var thread in Directory.GetDirectories($"/proc/{pid ?? Environment.ProcessId}/task"))
        {
            try
            {
                texts.Add(File.ReadAllText(Path.Combine(thread, name)));
            }
            catch (IOException)
            {
                // The thread has ended meanwhile.
            }
        }

        return texts;
    }
}
