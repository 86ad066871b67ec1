using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Usage;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Keeping;

/// <summary>Takes memory from borrowers that nobody else has any more: daemon and keeper are gone, but a VMM goes on.</summary>
internal static class BorrowedDescriptors
{
    private const int AccessMode = 3;

    /// <returns>A copy of a borrower's descriptor; null: none of them has one that reads and writes.</returns>
    public static SafeFileHandle? Find(Guest guest, KeptObject kept)
    {
        var proc = new ProcReader(guest.Kernel, guest.Options.ProcRoot);
        foreach (var borrower in kept.Borrowers ?? [])
        {
            try
            {
                using var process = guest.Kernel.OpenProcess((int)borrower.Pid);
                // After it is open the number cannot become another's.
                if (proc.Identity(process.Pid).StartTime != borrower.StartTime)
                    continue;
                if (Find(guest.Kernel, proc, process, kept.File!) is { } found)
                    return found;
            }
            catch (KernelException e)
            {
                guest.Log.Warning(
                    "Memory backend {Id} cannot be taken from {Comm} (pid {Pid}): {Error}", kept.Options.Id, borrower.Comm, borrower.Pid, e.Message);
            }
        }
        return null;
    }

    private static SafeFileHandle? Find(IKernel kernel, ProcReader proc, ProcessFd process, KeptFile wanted)
    {
        foreach (var number in proc.Descriptors(process.Pid))
        {
            try
            {
                // By name first: asking can hang for a file on a dead server.
                if (!wanted.IsNamed(proc.DescriptorLink(process.Pid, number)))
                    continue;
                var status = proc.DescriptorStatus(process.Pid, number);
                if ((status.Device, status.Inode) != (wanted.Device, wanted.Inode))
                    continue;
                var copy = kernel.TakeDescriptor(process, number);
                if ((kernel.GetFileFlags(copy) & AccessMode) == OpenFlags.ReadWrite)
                    return copy;
                copy.Dispose();
            }
            catch (KernelException e) when (e.Errno is Errno.ENOENT or Errno.EBADF)
            {
                // Closed meanwhile.
            }
        }
        return null;
    }
}
