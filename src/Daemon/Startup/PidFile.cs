using System.Globalization;

namespace Hostmemd.Startup;

/// <summary>The file that -pidfile names; it is there before a client is greeted, and until the last one has gone.</summary>
internal sealed class PidFile : IDisposable
{
    private readonly string _path;

    /// <exception cref="OptionException">It cannot be written.</exception>
    public PidFile(string path)
    {
        // The process may go to another directory.
        _path = Path.GetFullPath(path);
        try
        {
            File.WriteAllText(path, Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OptionException($"-pidfile {path}: cannot create PID file");
        }
    }

    public void Dispose() => File.Delete(_path);
}
