using System.Numerics;
using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects.Allocation;

/// <summary>memory-backend-memfd, with normal or huge pages: created, sized, sealed, mapped.</summary>
internal static class MemfdAllocation
{
    /// <summary>The name QEMU gives its memfds; seen in /proc.</summary>
    private const string Name = "memory-backend-memfd";

    /// <exception cref="QmpException">It cannot be had; nothing is left of it.</exception>
    public static MemoryBackend Allocate(Guest guest, ObjectOptions options)
    {
        var properties = options.Memfd;
        var file = Create(guest.Kernel, properties);
        try
        {
            FileSize.Set(guest.Kernel, file, options.MemoryName, properties.Size, "memfd", properties.Hugetlb == true);
            if (properties.Seal == true)
                Seal(guest.Kernel, file);
            return BackendMapping.MapFile(guest, options, new BackingFile(file, 0, properties.Share == true));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static Memfd Create(IKernel kernel, MemfdProperties properties)
    {
        var flags = (properties.Seal == true ? MemfdFlags.AllowSealing : 0) | (properties.Hugetlb == true ? MemfdFlags.HugeTlb : 0);
        // An odd size counts as one byte, and that is the kernel's word for its default (seen in QEMU 11.1.3).
        var shift = BitOperations.TrailingZeroCount(properties.HugetlbSize is > 0 and var given ? given : 1);
        if (shift > 0 && 1UL << shift != properties.HugetlbSize)
            throw ObjectErrors.HugetlbSizeNoPowerOfTwo();
        try
        {
            return kernel.MemfdCreate(Name, flags, properties.Hugetlb == true && shift > 0 ? 1UL << shift : 0);
        }
        catch (KernelException e)
        {
            const uint closeOnExec = 1;
            throw ObjectErrors.MemfdFailed(
                (uint)flags | closeOnExec | (properties.Hugetlb == true ? (uint)shift << 26 : 0), Errno.Text(e.Errno));
        }
    }

    private static void Seal(IKernel kernel, Memfd file)
    {
        const FileSeals seals = FileSeals.Grow | FileSeals.Shrink | FileSeals.Seal;
        try
        {
            kernel.AddSeals(file, seals);
        }
        catch (KernelException e)
        {
            throw ObjectErrors.SealFailed((uint)seals, Errno.Text(e.Errno));
        }
    }
}
