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
}
