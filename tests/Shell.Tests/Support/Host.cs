namespace Hostmemd.QmpShell.Tests.Support;

internal static class Host
{
    public static bool HasKvm
    {
        get
        {
            try
            {
                using FileStream kvm = new("/dev/kvm", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
                return true;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        }
    }

    /// <summary>Whether PATH has it.</summary>
    public static bool HasProgram(string name) => Array.Exists(
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), folder => File.Exists(Path.Combine(folder, name)));
}
