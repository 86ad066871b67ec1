namespace Hostmemd.QmpShell.Editing;

/// <summary>What readline's users have said once for all programs.</summary>
internal static class InputSettings
{
    /// <summary>Whether inputrc asks for vi's keys. A file that cannot be read asks for nothing.</summary>
    public static bool WantViKeys()
    {
        string? path = Environment.GetEnvironmentVariable("INPUTRC");
        if (string.IsNullOrEmpty(path))
            path = Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/", ".inputrc");
        try
        {
            return File.Exists(path) && File.ReadLines(path).Any(line =>
                line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is ["set", "editing-mode", "vi", ..]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
