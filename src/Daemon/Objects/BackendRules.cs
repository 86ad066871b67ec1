using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Objects.Threads;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects;

/// <summary>
/// What a backend's properties must fulfil, checked before anything is allocated. Order as in QEMU 11.1.3: it sets them one by one, in the
/// order of a hash, then takes the id, then looks at what they are together.
/// </summary>
internal static class BackendRules
{
    /// <summary>Nodes that host-nodes can name.</summary>
    private const int MaxNodes = 128;

    /// <exception cref="QmpException">The first rule that is broken.</exception>
    /// <returns>The thread-context of prealloc-context, if there is one.</returns>
    public static ThreadObject? Check(Guest guest, ObjectOptions options, MemoryBackendProperties properties)
    {
        var type = MemoryBackend.NameOf(options.QomType);
        // In the schema, but a type of its own only where the host has SGX (seen in QEMU 11.1.3).
        if (options.QomType == ObjectType.MemoryBackendEpc)
            throw ObjectErrors.InvalidType(type);
        var context = CheckContext(guest, properties.PreallocContext);
        if (properties is { Prealloc: true, Reserve: false })
            throw ObjectErrors.PreallocWithoutReserve();
        if (properties is MemfdProperties { HugetlbSize: 0 })
            throw ObjectErrors.HugetlbSizeZero();
        CheckNodes(properties.HostNodes);
        CheckThreads(type, properties.PreallocThreads);
        if (properties.Size == 0)
            throw ObjectErrors.PropertyRefusesZero(type, "size");
        return context;
    }

    /// <summary>
    /// What the properties must be together. QEMU checks some of it when the memory is there already; the same texts, but nothing needs undoing.
    /// </summary>
    public static void CheckTogether(MemoryBackendProperties properties)
    {
        if (properties is ShmProperties { Share: false })
            throw ObjectErrors.ShmNotShared();
        if (properties is FileProperties file)
            CheckRom(file);
        var policy = properties.Policy ?? HostMemPolicy.Default;
        var nodes = properties.HostNodes?.Count ?? 0;
        if (policy == HostMemPolicy.Default && nodes > 0)
            throw ObjectErrors.NodesWithoutPolicy();
        if (policy != HostMemPolicy.Default && nodes == 0)
            throw ObjectErrors.PolicyWithoutNodes(MemoryBackendProperties.Policies.NameOf(policy));
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

    /// <returns>The thread-context object that an id or a path means; null for none.</returns>
    /// <exception cref="QmpException">There is no such object, or it is of another type.</exception>
    public static ThreadObject? CheckContext(Guest guest, string? context)
    {
        if (string.IsNullOrEmpty(context))
            return null;
        return new QomTree(guest)
            .ResolveLink<ThreadNode>(context, "prealloc-context", "thread-context", static node => node.Published.Iothread is null).Published.Thread;
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
    public static ulong RoundUpToPage(ulong size)
    {
        const ulong mask = MappedMemory.PageSize - 1;
        return size > ulong.MaxValue - mask ? ulong.MaxValue : (size + mask) & ~mask;
    }

    private static void CheckRom(FileProperties file)
    {
        if (file is { Rom: OnOffAuto.On } && file.ReadOnly != true)
            throw ObjectErrors.RomNeedsReadOnly();
        if (file is { Rom: OnOffAuto.Off, ReadOnly: true, Share: true })
            throw ObjectErrors.RomOffShared();
    }
}
