using System.Text;
using Hostmemd.Daemon.Tests.Processes;
using Hostmemd.Keeping;
using Tmds.Linux;
using Xunit;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>A folder in which daemons follow each other. At the end no keeper is left.</summary>
internal sealed class KeptFolder : IAsyncDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("hostmemd-").FullName;

    public KeepPaths Paths => new(Path + "/qmp");

    public Task<DaemonFixture> StartAsync(string options) => DaemonFixture.StartAsync(Path, options);

    /// <summary>What the record says. .NET's own files would ask for the lock that its daemon has.</summary>
    public string ReadRecord()
    {
        var kernel = new LinuxKernel();
        using var file = kernel.Open(Paths.Record, OpenFlags.ReadOnly, 0);
        var bytes = new byte[kernel.Fstat(file).Size];
        return Encoding.UTF8.GetString(bytes, 0, kernel.Pread(file, bytes, 0));
    }

    /// <summary>The keeper's process; null: there is none.</summary>
    public static int? KeeperOf(DaemonFixture daemon) => Children.Of(daemon.Pid).Where(IsKeeper).Select(pid => (int?)pid).FirstOrDefault();

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

    /// <summary>Kills the keeper that a daemon has left, if there is one.</summary>
    public async Task EndKeeperAsync()
    {
        if (!File.Exists(Paths.Keeper) || await KeeperProcess.FindAsync(new LinuxKernel(), Paths, []) is not { } left)
            return;
        foreach (var file in left.Kept.Values)
            file.Dispose();
        Assert.Equal(0, LibC.kill(left.Keeper.Pid, DaemonFixture.SigKill));
        await left.Keeper.Ended;
        left.Keeper.Detach();
    }

    public async ValueTask DisposeAsync()
    {
        await EndKeeperAsync();
        Directory.Delete(Path, recursive: true);
    }
}
