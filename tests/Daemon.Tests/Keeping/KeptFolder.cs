using Hostmemd.Daemon.Tests.Processes;
using Hostmemd.Keeping;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>A folder in which daemons follow each other. At the end no keeper is left.</summary>
internal sealed class KeptFolder : IAsyncDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("hostmemd-").FullName;

    public KeepPaths Paths => new(Path + "/qmp");

    public Task<DaemonFixture> StartAsync(string options) => DaemonFixture.StartAsync(Path, options);

    /// <summary>The keeper's process; null: there is none.</summary>
    public static int? KeeperOf(DaemonFixture daemon) => Children(daemon.Pid).Where(IsKeeper).Select(pid => (int?)pid).FirstOrDefault();

    public static bool IsKeeper(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").Split('\0').Contains(KeeperMode.Option);
        }
        catch (IOException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (File.Exists(Paths.Keeper) && await KeeperProcess.FindAsync(new LinuxKernel(), Paths) is { } left)
        {
            foreach (var file in left.Kept.Values)
                file.Dispose();
            await left.Keeper.QuitAsync();
        }
        Directory.Delete(Path, recursive: true);
    }

    private static IEnumerable<int> Children(int pid) =>
        Directory.EnumerateDirectories($"/proc/{pid}/task").SelectMany(task => File.ReadAllText($"{task}/children")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(int.Parse);
}
