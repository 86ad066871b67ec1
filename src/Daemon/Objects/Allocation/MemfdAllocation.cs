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

    /// <summary>A page of one byte is the kernel's word for its default size.</summary>
    private const ulong OneByte = 1;

    /// <exception cref="QmpException">It cannot be had; nothing is left of it.</exception>
    public static MemoryBackend Allocate(Guest guest, ObjectOptions options)
    {
        var properties = options.Memfd;
        var file = Create(guest.Kernel, properties);
        try
        {
            FileSize.Set(guest.Kernel, file, options.Id, properties.Size, "memfd", properties.Hugetlb == true);
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
        var hugePage = properties.Hugetlb == true ? properties.HugetlbSize ?? 0 : 0;
        if (hugePage != 0 && !ulong.IsPow2(hugePage))
            throw ObjectErrors.HugetlbSizeNoPowerOfTwo();
        try
        {
            return kernel.MemfdCreate(Name, flags, hugePage == OneByte ? 0 : hugePage);
        }
        catch (KernelException e)
        {
            const uint closeOnExec = 1;
            throw ObjectErrors.MemfdFailed((uint)flags | closeOnExec | ((uint)ulong.Log2(Math.Max(hugePage, 1)) << 26), Errno.Text(e.Errno));
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
