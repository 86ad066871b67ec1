namespace Hostmemd.Daemon.Tests.Generated;

/// <summary>The folder that @DIR@ stands for in requests, with the files that they name.</summary>
internal sealed class ScratchFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("hostmemd-").FullName;

    /// <summary>Files as each group finds them: of 2 MiB, of one page, empty; and a folder.</summary>
    public void Fill()
    {
        foreach (var left in Directory.EnumerateFiles(Path, "*", SearchOption.AllDirectories))
            File.Delete(left);
        Directory.CreateDirectory(System.IO.Path.Combine(Path, "sub"));
        foreach (var (name, size) in ((string, long)[])[("two", 2 << 20), ("small", 4096), ("empty", 0)])
        {
            using var file = File.Create(System.IO.Path.Combine(Path, name));
            file.SetLength(size);
        }
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
