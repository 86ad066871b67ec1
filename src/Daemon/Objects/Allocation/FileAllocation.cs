using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects.Allocation;

/// <summary>memory-backend-file: opens or makes the file, checks that the memory is in it, maps it.</summary>
internal static class FileAllocation
{
    /// <summary>On a thread that may wait: file systems can be slow.</summary>
    /// <exception cref="QmpException">It cannot be had; nothing is left of it, not even a file that was made for it.</exception>
    public static MemoryBackend Allocate(Guest guest, ObjectOptions options)
    {
        var properties = options.File;
        var opened = MemoryPath.Open(guest, options.Id, properties);
        if (opened.CreatedPath is { } created)
            guest.Kept.Intend(options.Id, created, opened.Status);
        try
        {
            var present = Try(() => opened.Size(guest.Kernel));
            CheckSize(present, options.MemoryName, properties);
            var page = PageSize(guest.Kernel, opened);
            CheckAlignment(properties, page);
            Prepare(guest.Kernel, opened, present, properties);
            if (properties.Size % page != 0)
                throw ObjectErrors.SizeUnaligned(MemoryBackend.NameOf(options.QomType), page);
            var backend = BackendMapping.MapFile(
                guest, options, new BackingFile(opened.Handle, properties.Offset ?? 0, properties.Share == true), mapping => mapping with
                {
                    Alignment = properties.Align ?? 0,
                    ReadOnly = properties.IsRom,
                    Synchronous = properties.Pmem == true,
                });
            if (properties.Pmem == true && !backend.Memory.IsSynchronous)
                guest.Log.Warning("Memory backend {Id}: {Path} is no persistent memory, what is written may be lost when the host fails", options.Id, properties.MemPath);
            return backend;
        }
        catch
        {
            opened.Undo(guest.Log);
            guest.Kept.Abandon(options.Id);
            throw;
        }
    }

    /// <summary>What the file already holds must be enough; an empty one is not.</summary>
    private static void CheckSize(ulong present, string id, FileProperties properties)
    {
        var size = BackendRules.RoundUpToPage(properties.Size);
        var offset = properties.Offset ?? 0;
        // An offset that wraps with the size is refused later, as in QEMU.
        if (present > 0 && offset <= ulong.MaxValue - size && present < offset + size)
            throw ObjectErrors.StoreTooSmall(id, present, size, offset);
    }

    /// <summary>An empty file gets the size that is needed; any other is left as long as it is.</summary>
    private static void Prepare(IKernel kernel, OpenedFile opened, ulong present, FileProperties properties)
    {
        var size = BackendRules.RoundUpToPage(properties.Size);
        var offset = properties.Offset ?? 0;
        if (offset > long.MaxValue || size > long.MaxValue - offset)
            throw ObjectErrors.MapFailed(Errno.Text(offset > 0 ? Errno.EOVERFLOW : Errno.ENOMEM));
        if (opened.IsGuestMemfd)
            CheckGuestMemfd(kernel, opened, properties, offset, size);
        // A device has no size that could be set; whether it can be mapped shows in a moment.
        if (present > 0 || !opened.IsRegular || properties.ReadOnly == true)
            return;
        Try(() =>
        {
            kernel.Ftruncate(opened.Handle, offset + size);
            return offset + size;
        });
    }

    private static T Try<T>(Func<T> step)
    {
        try
        {
            return step();
        }
        catch (KernelException e)
        {
            throw ObjectErrors.MapFailed(Errno.Text(e.Errno));
        }
    }

    /// <summary>One that came as a descriptor: kind and flags must be right, or the guest would find nothing behind its memory.</summary>
    private static void CheckGuestMemfd(IKernel kernel, OpenedFile opened, FileProperties properties, ulong offset, ulong size)
    {
        if (properties.Share != true)
            throw GuestMemfdErrors.NotShared($"'mem-path={properties.MemPath}', a guest_memfd,");
        try
        {
            if ((offset | size) % MappedMemory.PageSize == 0)
                GuestMemfdCheck.Verify(kernel, opened.Handle, offset, size);
        }
        catch (GuestMemfdCheckException e)
        {
            throw ObjectErrors.MapFailed(e.Message);
        }
    }

    private static ulong PageSize(IKernel kernel, OpenedFile opened)
    {
        var status = Try(() => kernel.Fstatfs(opened.Handle));
        return status.IsHugeTlb ? status.BlockSize : MappedMemory.PageSize;
    }

    private static void CheckAlignment(FileProperties properties, ulong page)
    {
        if (properties.Align is { } align && align != 0)
        {
            if (align % page != 0)
                throw ObjectErrors.AlignmentNoMultiple(align, page);
            if (!ulong.IsPow2(align))
                throw ObjectErrors.AlignmentNoPowerOfTwo(align);
        }
        if ((properties.Offset ?? 0) % page != 0)
            throw ObjectErrors.OffsetNoMultiple(properties.Offset ?? 0, page);
    }
}
