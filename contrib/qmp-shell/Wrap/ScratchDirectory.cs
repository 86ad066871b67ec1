namespace Hostmemd.QmpShell.Wrap;

/// <summary>A fresh folder that only we can enter, removed with all that is in it.</summary>
internal sealed class ScratchDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("qmp-shell-").FullName;

    public string SocketPath => System.IO.Path.Combine(Path, "qmp.sock");

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A server that dies at this moment may still remove its socket; what stays behind is in the system's temp folder.
        }
    }
}
