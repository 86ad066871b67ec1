using System.Runtime.InteropServices;
using Hostmemd.Kvm;
using Serilog;

namespace Hostmemd.Objects.Allocation;

/// <summary>What mem-path led to.</summary>
/// <param name="Handle">Owned by whoever has this.</param>
/// <param name="Status">As fstat said when it was opened.</param>
/// <param name="CreatedPath">The file was made just now and has this name; null where there is nothing to take back.</param>
internal sealed record OpenedFile(IKernel Kernel, SafeHandle Handle, FileStatus Status, string? CreatedPath)
{
    private const uint TypeMask = 0xf000;
    private const uint Regular = 0x8000;

    /// <summary>A file with a size of its own; else a device.</summary>
    public bool IsRegular => (Status.Mode & TypeMask) == Regular;

    /// <summary>A descriptor from add-fd can be one.</summary>
    public bool IsGuestMemfd => Handle is GuestMemfd;

    /// <summary>Bytes. A guest_memfd cannot be asked by lseek, a block device not by fstat.</summary>
    /// <exception cref="KernelException">A pipe, or the like.</exception>
    public ulong Size(IKernel kernel) => IsGuestMemfd ? Status.Size : kernel.SeekEnd(Handle);

    /// <summary>Closes, and removes the file again if it was made for this.</summary>
    public void Undo(ILogger log)
    {
        Handle.Dispose();
        if (CreatedPath is null)
            return;
        try
        {
            Kernel.Unlink(CreatedPath);
        }
        catch (KernelException e)
        {
            log.Error("The new file {Path} could not be removed again: {Error}", CreatedPath, e.Message);
        }
    }
}
