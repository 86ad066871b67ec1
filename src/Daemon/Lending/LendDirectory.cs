using System.Globalization;
using Hostmemd.Kvm;

namespace Hostmemd.Lending;

/// <summary>
/// Where other processes find the memory by name: an entry a backend, which leads to the file. Files that have no other name get owner,
/// group and mode; a file with a path of its own keeps what it has.
/// </summary>
/// <param name="Path">The directory.</param>
/// <param name="Owner">Who may open the memory; null: the daemon's user.</param>
/// <param name="Mode">Permissions of the memory.</param>
internal sealed record LendDirectory(string Path, uint? Owner, uint? Group, uint Mode)
{
    /// <summary>Reading and writing for the owner, nothing for others: what a memfd has without a directory too.</summary>
    public const uint PrivateMode = 0x180; // 0600

    private const string Processes = "/proc/";

    /// <summary>Makes an entry; one that a daemon left behind which has ended is replaced.</summary>
    /// <exception cref="KernelException">The name is taken, or the directory cannot be written.</exception>
    public string Add(IKernel kernel, string id, string target)
    {
        var entry = $"{Path}/{id}";
        try
        {
            kernel.Symlink(target, entry);
        }
        catch (KernelException e) when (e.Errno == Errno.EEXIST && IsLeftBehind(kernel, entry))
        {
            kernel.Unlink(entry);
            kernel.Symlink(target, entry);
        }
        return entry;
    }

    /// <summary>Removes an entry while it is still ours.</summary>
    public static void Remove(IKernel kernel, string entry, string target)
    {
        try
        {
            if (kernel.ReadLink(entry) == target)
                kernel.Unlink(entry);
        }
        catch (KernelException)
        {
            // Gone already, or not ours to look at.
        }
    }

    /// <summary>It leads into a process that is there no more.</summary>
    private static bool IsLeftBehind(IKernel kernel, string entry)
    {
        try
        {
            var target = kernel.ReadLink(entry);
            if (!target.StartsWith(Processes, StringComparison.Ordinal)
                || !int.TryParse(target.Split('/')[2], NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
                return false;
            kernel.Stat(Processes + pid.ToString(CultureInfo.InvariantCulture));
            return false;
        }
        catch (KernelException e)
        {
            return e.Errno == Errno.ENOENT;
        }
    }
}
