using System.Text;

namespace Hostmemd.QmpShell.Editing;

/// <summary>
/// The lines typed to one server, in a file of its own below $XDG_STATE_HOME. Each line is appended when it is entered, so that two shells on
/// a server keep both their lines. What cannot be read or written is no reason to stop.
/// </summary>
internal sealed class History
{
    private const int MaxLines = 1024;

    private readonly string? _path;
    private readonly List<string> _lines = [];

    public History(string? path)
    {
        _path = path;
        try
        {
            if (path is not null && File.Exists(path))
                _lines.AddRange(File.ReadLines(path).TakeLast(MaxLines));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _path = null;
        }
    }

    public IReadOnlyList<string> Lines => _lines;

    /// <summary>The file for a server; null where there is no home to keep it in.</summary>
    public static string? PathFor(string server)
    {
        string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        string? home = Environment.GetEnvironmentVariable("HOME");
        if (string.IsNullOrEmpty(state) && !string.IsNullOrEmpty(home))
            state = Path.Combine(home, ".local", "state");
        if (string.IsNullOrEmpty(state))
            return null;
        string name = server.Contains('/', StringComparison.Ordinal) || File.Exists(server) ? Path.GetFullPath(server) : server;
        return Path.Combine(state, "qmp-shell", name.Replace("%", "%25", StringComparison.Ordinal).Replace("/", "%2F", StringComparison.Ordinal));
    }

    public void Add(string line)
    {
        if (line.Length == 0 || line.Contains('\n', StringComparison.Ordinal) || (_lines.Count > 0 && _lines[^1] == line))
            return;
        _lines.Add(line);
        if (_path is null)
            return;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            using var file = new FileStream(_path, new FileStreamOptions
            {
                Mode = FileMode.Append,
                Access = FileAccess.Write,
                Share = FileShare.ReadWrite,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            file.Write(Encoding.UTF8.GetBytes(line + "\n"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The lines of this session are there all the same.
        }
    }
}
