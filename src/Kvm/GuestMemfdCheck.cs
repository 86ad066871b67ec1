using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

/// <summary>Checks a guest_memfd that somebody else made, before any of it is given to a guest.</summary>
public static class GuestMemfdCheck
{
    /// <summary>What /proc says of it on 6.18; kernels with a file system of its own may name it otherwise, but keep the word.</summary>
    private const string LinkName = "anon_inode:[kvm-gmem]";

    private const uint FileTypeMask = 0xf000;
    private const uint RegularFile = 0x8000;

    /// <summary>Kind, size, and that its last page can be had: mapped, populated and unmapped again.</summary>
    /// <param name="offset">Where the wanted range begins; page aligned.</param>
    /// <param name="size">Bytes of the range; page aligned.</param>
    /// <exception cref="GuestMemfdCheckException">Not one, too small, or made without the flags that the host needs.</exception>
    /// <remarks>
    /// lseek, which others use for the size, gives ESPIPE on a guest_memfd. Nothing is opened again: see <see cref="GuestMemfd"/>.
    /// </remarks>
    public static void Verify(IKernel kernel, SafeHandle file, ulong offset, ulong size)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        if (size == 0 || (offset | size) % MappedMemory.PageSize != 0)
            throw new GuestMemfdCheckException($"offset {offset} and size {size} are not whole pages");
        if (offset > long.MaxValue || size > long.MaxValue - offset)
            throw new GuestMemfdCheckException($"offset {offset} and size {size} overflow");
        try
        {
            var link = kernel.ReadLink(file);
            if (link != LinkName)
                throw new GuestMemfdCheckException($"not a guest_memfd but '{link}'");
            var status = kernel.Fstat(file);
            if ((status.Mode & FileTypeMask) is not (RegularFile or 0))
                throw new GuestMemfdCheckException($"not a guest_memfd: its mode is 0{Convert.ToString(status.Mode, 8)}");
            if (status.Size < offset + size)
                throw new GuestMemfdCheckException($"has {status.Size} bytes, {offset + size} are needed");
            TryLastPage(kernel, file, offset + size - MappedMemory.PageSize);
        }
        catch (KernelException e)
        {
            throw new GuestMemfdCheckException($"cannot be examined: {e.Message}", e);
        }
    }

    private static void TryLastPage(IKernel kernel, SafeHandle file, ulong offset)
    {
        try
        {
            using var page = MappedMemory.Create(
                kernel, new MappingOptions { Size = MappedMemory.PageSize, File = file, Offset = offset, Shared = true });
            page.Populate();
        }
        catch (KernelException e) when (e.Errno == Errno.ENODEV)
        {
            throw new GuestMemfdCheckException("was made without GUEST_MEMFD_FLAG_MMAP", e);
        }
        catch (KernelException e) when (e.Errno == Errno.EFAULT)
        {
            throw new GuestMemfdCheckException("was made without GUEST_MEMFD_FLAG_INIT_SHARED: its pages cannot be had", e);
        }
    }
}
