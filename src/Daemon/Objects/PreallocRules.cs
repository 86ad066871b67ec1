using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects;

/// <summary>What must hold before all pages of a backend are allocated: else the kernel ends a process half way.</summary>
internal static class PreallocRules
{
    /// <exception cref="QmpException">More than can ever be resident here, or the kernel does not tell how much that is.</exception>
    public static void Check(Guest guest, MemoryBackendProperties properties)
    {
        if (Refusal(guest, properties) is { } refusal)
            throw refusal;
    }

    /// <returns>What to tell where it is more than can ever be resident here; null: it is not.</returns>
    /// <exception cref="QmpException">The kernel does not tell how much that is.</exception>
    public static QmpException? Refusal(Guest guest, MemoryBackendProperties properties) => Refusal(guest, properties, "size", properties.Size);

    /// <param name="name">The property or argument that asks for so much.</param>
    /// <inheritdoc cref="Refusal(Guest, MemoryBackendProperties)"/>
    public static QmpException? Refusal(Guest guest, MemoryBackendProperties properties, string name, ulong size)
    {
        HostMemoryLimit limit;
        try
        {
            limit = HostMemoryLimit.Find(guest.Kernel, guest.Options.Host, properties is MemfdProperties { Hugetlb: true });
        }
        catch (KernelException e)
        {
            throw ObjectErrors.HostMemoryUnknown(Errno.Text(e.Errno));
        }
        return size <= limit.Bytes ? null
            : limit.File is null ? ObjectErrors.PreallocTooLarge(name, size, limit.Bytes)
            : ObjectErrors.PreallocBeyondGroup(name, size, limit.Bytes, limit.File);
    }
}
