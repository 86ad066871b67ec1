using System.Globalization;

namespace Hostmemd.QemuHostmem;

/// <summary>A folder for sockets that only we can enter. What one left behind that was killed goes with the next.</summary>
internal sealed class ScratchDirectory : IDisposable
{
    private const string Prefix = "qemu-hostmem-";

    public ScratchDirectory()
    {
        foreach (var left in Directory.EnumerateDirectories(System.IO.Path.GetTempPath(), Prefix + "*"))
            if (IsLeftBehind(left))
                Delete(left);
        Path = Directory.CreateTempSubdirectory(string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}-")).FullName;
    }

    public string Path { get; }

    public string At(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Delete(Path);

    private static bool IsLeftBehind(string path)
    {
        var parts = System.IO.Path.GetFileName(path).Split('-');
        return parts.Length == 4 && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
            && !Directory.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}"));
    }

    private static void Delete(string path)
    {
        try
        {
            Directory.Delete(path, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another user's, or somebody else is just removing it.
        }
    }
}
