using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;
using Microsoft.Win32.SafeHandles;
using Serilog;

namespace Hostmemd.Objects.Allocation;

/// <summary>Opens what mem-path names: a file, a new file, a directory for one without a name, a descriptor of a set.</summary>
internal static class MemoryPath
{
    private const uint NewFileMode = 0x1a4; // 0644
    private const uint NamelessFileMode = 0x180; // 0600

    /// <summary>A name can be taken between looking and making it; more often than this somebody does it on purpose.</summary>
    private const int Attempts = 16;

    /// <exception cref="QmpException">It cannot be opened; nothing is left of it.</exception>
    public static OpenedFile Open(Guest guest, string id, FileProperties properties)
    {
        var path = properties.MemPath;
        try
        {
            var opened = FdSetPath.TryParse(path, out var set)
                ? (File: guest.FdSets.Open(guest.Kernel, set, properties.ReadOnly != true), Created: null)
                : path.Length == 0 ? throw new KernelException("open", Errno.ENOENT)
                : properties.ReadOnly == true ? (OpenExisting(guest.Kernel, path, OpenFlags.ReadOnly), null)
                : OpenOrCreate(guest.Kernel, id, path, guest.Log);
            return Inspect(guest, properties, opened.File, opened.Created);
        }
        catch (KernelException e)
        {
            throw ObjectErrors.CannotOpen(path, Errno.Text(e.Errno));
        }
    }

    private static OpenedFile Inspect(Guest guest, FileProperties properties, SafeFileHandle file, string? created)
    {
        const uint typeMask = 0xf000;
        const uint directory = 0x4000;
        var opened = new OpenedFile(guest.Kernel, file, default, created);
        try
        {
            var status = guest.Kernel.Fstat(file);
            if (properties.ReadOnly == true && (status.Mode & typeMask) == directory)
                throw new KernelException("open", Errno.EISDIR);
            // From here on it is known for what it is.
            return IsGuestMemfd(guest.Kernel, file)
                ? opened with { Status = status, Handle = GuestMemfd.TakeFrom(file, leak => guest.Log.Error("A descriptor leaked: {Leak}", leak)) }
                : opened with { Status = status };
        }
        catch
        {
            opened.Undo(guest.Log);
            throw;
        }
    }

    private static (SafeFileHandle File, string? Created) OpenOrCreate(IKernel kernel, string id, string path, ILogger log)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return (OpenExisting(kernel, path, OpenFlags.ReadWrite), null);
            }
            catch (KernelException e) when (e.Errno == Errno.EISDIR)
            {
                return (Nameless(kernel, id, path, log), null);
            }
            catch (KernelException e) when (e.Errno == Errno.ENOENT)
            {
                // Made below.
            }
            try
            {
                return (kernel.Open(path, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Exclusive, NewFileMode), path);
            }
            catch (KernelException e) when (e.Errno == Errno.EEXIST && attempt < Attempts)
            {
                // Somebody made it just now.
            }
        }
    }

    /// <summary>
    /// Looks before it opens: a path through /proc can lead to a guest_memfd, and opening one again was seen to crash kernels. Looking (O_PATH)
    /// does not open it. Nothing waits, as opening a pipe would.
    /// </summary>
    private static SafeFileHandle OpenExisting(IKernel kernel, string path, int access)
    {
        using (var looked = kernel.Open(path, OpenFlags.PathOnly, 0))
            if (IsGuestMemfd(kernel, looked))
                throw new KernelException("open", Errno.ENXIO);
        return kernel.Open(path, access | OpenFlags.NonBlocking | OpenFlags.NoTerminal, 0);
    }

    /// <summary>The words of 6.18 and of kernels where guest_memfd has a file system of its own.</summary>
    private static bool IsGuestMemfd(IKernel kernel, SafeFileHandle file)
    {
        var link = kernel.ReadLink(file);
        return link.StartsWith("anon_inode:", StringComparison.Ordinal) || link.Contains("[kvm-gmem]", StringComparison.Ordinal)
            || link.Contains("[guest_memfd]", StringComparison.Ordinal);
    }

    /// <summary>A file in a directory, its name gone at once.</summary>
    private static SafeFileHandle Nameless(IKernel kernel, string id, string directory, ILogger log)
    {
        for (var attempt = 1; ; attempt++)
        {
            var path = $"{directory}/qemu_back_mem.{id}.{Guid.NewGuid().ToString("N")[..6]}";
            try
            {
                return NamelessFile.Create(kernel, path, NamelessFileMode, log);
            }
            catch (KernelException e) when (e.Errno == Errno.EEXIST && attempt < Attempts)
            {
                // Another name, then.
            }
        }
    }
}
