using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Objects.Allocation;

/// <summary>memory-backend-shm: a POSIX shared memory object whose name is gone at once (seen in QEMU 11.1.3).</summary>
internal static class ShmAllocation
{
    // Where shm_open puts them on Linux. Source: man 7 shm_overview.
    private const string Directory = "/dev/shm/";

    private const string Prefix = "hostmemd-";

    /// <summary>Whether the last component of a path is what such an object was called; the way there differs between mount namespaces.</summary>
    public static bool IsName(ReadOnlySpan<char> name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal) && name.LastIndexOf('-') is var end && Guid.TryParseExact(name[(end + 1)..], "N", out _);

    /// <exception cref="QmpException">It cannot be had; nothing is left of it.</exception>
    public static MemoryBackend Allocate(Guest guest, ObjectOptions options)
    {
        var file = Create(guest);
        try
        {
            FileSize.Set(guest.Kernel, file, options.MemoryName, options.Shm.Size, "POSIX shared memory");
            return BackendMapping.MapFile(guest, options, new BackingFile(file, 0, IsShared: true));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static SafeFileHandle Create(Guest guest)
    {
        // Nobody else may open it in the moment that it has a name.
        const uint noPermissions = 0;
        try
        {
            return NamelessFile.Create(
                guest.Kernel, $"{Directory}{Prefix}{Environment.ProcessId}-{Guid.NewGuid():N}", noPermissions, guest.Log);
        }
        catch (KernelException e)
        {
            throw ObjectErrors.ShmFailed(Errno.Text(e.Errno));
        }
    }
}
