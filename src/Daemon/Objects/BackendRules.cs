using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects;

/// <summary>
/// What a backend's properties must fulfil, checked before anything is allocated. Order as in QEMU 11.1.3: id, single properties, then what
/// they are together.
/// </summary>
internal static class BackendRules
{
    /// <summary>Nodes that host-nodes can name.</summary>
    private const int MaxNodes = 128;

    /// <exception cref="QmpException">The first rule that is broken.</exception>
    public static void Check(Guest guest, ObjectOptions options, MemoryBackendProperties properties)
    {
        if (!IsIdentifier(options.Id))
            throw ObjectErrors.NotAnIdentifier("id");
        var type = ObjectOptions.Types.NameOf(options.QomType);
        if (properties.Size == 0)
            throw ObjectErrors.PropertyRefusesZero(type, "size");
        CheckThreads(type, properties.PreallocThreads);
        CheckNodes(properties.HostNodes);
        CheckContext(guest, properties.PreallocContext);
        if (properties is MemfdProperties memfd)
            CheckHugetlb(memfd);
        if (properties is { Prealloc: true, Reserve: false })
            throw ObjectErrors.PreallocWithoutReserve();
    }

    /// <summary>The rules that QEMU checks when the memory is there already; the same texts, but nothing needs undoing.</summary>
    public static void CheckTogether(Guest guest, MemoryBackendProperties properties)
    {
        var policy = properties.Policy ?? HostMemPolicy.Default;
        var nodes = properties.HostNodes?.Count ?? 0;
        if (policy == HostMemPolicy.Default && nodes > 0)
            throw ObjectErrors.NodesWithoutPolicy();
        if (policy != HostMemPolicy.Default && nodes == 0)
            throw ObjectErrors.PolicyWithoutNodes(MemoryBackendProperties.Policies.NameOf(policy));
        if (properties.Prealloc == true)
            PreallocRules.Check(guest, properties);
    }

    /// <summary>A letter, then letters, digits, '-', '.', '_'.</summary>
    public static bool IsIdentifier(string id) =>
        id.Length > 0 && char.IsAsciiLetter(id[0]) && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_');

    public static void CheckThreads(string type, uint? threads)
    {
        if (threads == 0)
            throw ObjectErrors.PropertyRefusesZero(type, "prealloc-threads");
    }

    public static void CheckNodes(List<ushort>? nodes)
    {
        foreach (var node in nodes ?? [])
            if (node >= MaxNodes)
                throw ObjectErrors.NodeOutOfRange(node);
    }

    /// <summary>The context must be a thread-context object; there is no such type here yet, so that only its absence is right.</summary>
    public static void CheckContext(Guest guest, string? context)
    {
        if (string.IsNullOrEmpty(context))
            return;
        throw new QomTree(guest).TryResolve(context, out _, out _)
            ? ObjectErrors.WrongLink("prealloc-context", "thread-context")
            : ObjectErrors.DeviceNotFound(context);
    }

    /// <summary>Bytes of RAM and swap: more can never be resident.</summary>
    /// <exception cref="QmpException">The kernel does not tell.</exception>
    public static ulong HostMemory(IKernel kernel)
    {
        try
        {
            var memory = kernel.Sysinfo();
            return checked(memory.TotalRam + memory.TotalSwap);
        }
        catch (KernelException e)
        {
            throw ObjectErrors.HostMemoryUnknown(Errno.Text(e.Errno));
        }
    }

    /// <summary>The size that is mapped; the largest there is where there is no such multiple.</summary>
    public static ulong RoundUpToPage(ulong size) =>
        size > ulong.MaxValue - MappedMemory.PageSize ? ulong.MaxValue : (size + MappedMemory.PageSize - 1) & ~(MappedMemory.PageSize - 1);

    private static void CheckHugetlb(MemfdProperties memfd)
    {
        if (memfd.HugetlbSize == 0)
            throw ObjectErrors.HugetlbSizeZero();
    }
}
