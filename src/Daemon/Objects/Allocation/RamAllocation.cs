using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects.Allocation;

/// <summary>memory-backend-ram: anonymous memory, or with share=on a memfd of the backend's name (seen in QEMU 11.1.3).</summary>
internal static class RamAllocation
{
    // As anonymous memory, whose pages can be this large.
    private const ulong HugePage = 2 << 20;

    /// <exception cref="QmpException">It cannot be had; nothing is left of it.</exception>
    public static MemoryBackend Allocate(Guest guest, ObjectOptions options)
    {
        if (options.Ram.Share != true)
            return BackendMapping.MapAnonymous(guest, options);
        QmpException failed(string error) => ObjectErrors.CannotSetUp(options.MemoryName, error);
        if (options.Ram.Size > long.MaxValue)
            throw failed(Errno.Text(Errno.ENOMEM));
        Memfd? file = null;
        try
        {
            file = guest.Kernel.MemfdCreate(options.MemoryName, MemfdFlags.None);
            guest.Kernel.Ftruncate(file, BackendRules.RoundUpToPage(options.Ram.Size));
            return BackendMapping.MapFile(
                guest, options, new BackingFile(file, 0, IsShared: true), mapping => mapping with { Alignment = HugePage }, failed);
        }
        catch (KernelException e)
        {
            file?.Dispose();
            throw failed(Errno.Text(e.Errno));
        }
        catch
        {
            file?.Dispose();
            throw;
        }
    }
}
