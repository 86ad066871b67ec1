using System.Text;
using Hostmemd.Kvm;

namespace Hostmemd.Startup;

/// <summary>
/// What ps, top and pidof call this process. Started from /proc/self/exe it is "exe" to them, and helpers must not be taken for the daemon: who
/// kills it by its name is not to kill what keeps the memory. At most 15 bytes. Source: man 5 proc_pid_comm.
/// </summary>
internal static class ProcessName
{
    public const string Daemon = "hostmemd";
    public const string Keeper = "hostmemd-keeper";
    public const string LendHolder = "hostmemd-lender";
    public const string Populate = "hostmemd-fill";

    /// <summary>The kernel's name for what is started from /proc/self/exe.</summary>
    private const string Unknown = "exe";

    private const string File = "/proc/self/comm";

    public static void Set(IKernel kernel, string name)
    {
        try
        {
            using var file = kernel.Open(File, OpenFlags.ReadWrite, 0);
            kernel.Write(file, Encoding.ASCII.GetBytes(name));
        }
        catch (KernelException)
        {
            // Where /proc is hidden it goes without.
        }
    }

    /// <summary>A daemon that a keeper or another program (cpr-exec) has started is called as any other.</summary>
    public static void SetIfUnknown(IKernel kernel)
    {
        try
        {
            using var file = kernel.Open(File, OpenFlags.ReadOnly, 0);
            var name = new byte[16];
            if (Encoding.ASCII.GetString(name, 0, kernel.Read(file, name)) != Unknown + "\n")
                return;
        }
        catch (KernelException)
        {
            return;
        }
        Set(kernel, Daemon);
    }

    /// <summary>Whether a child of that name is a helper of ours, or about to be one.</summary>
    public static bool IsOfHelper(string name) => name is Unknown or Keeper or LendHolder or Populate;
}
