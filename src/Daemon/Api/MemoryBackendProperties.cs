using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>
/// The properties that all memory backends have: as object-add takes them, and, with every default filled in, as qom-get and query-memdev
/// show them. Not changed once published; qom-set publishes a changed copy.
/// </summary>
internal class MemoryBackendProperties : IQapiType
{
    public static readonly EnumTable<HostMemPolicy> Policies = new(
        "HostMemPolicy",
        (HostMemPolicy.Default, "default"),
        (HostMemPolicy.Preferred, "preferred"),
        (HostMemPolicy.Bind, "bind"),
        (HostMemPolicy.Interleave, "interleave"));

    internal bool? Dump;
    internal List<ushort>? HostNodes;
    internal bool? Merge;
    internal HostMemPolicy? Policy;
    internal bool? Prealloc;
    internal uint? PreallocThreads;
    internal string? PreallocContext;
    internal bool? Share;
    internal bool? Reserve;
    internal ulong Size;
    internal bool? UseCanonicalPathForRamblockId;

    public static string TypeName => "MemoryBackendProperties";

    /// <summary>The memory is a guest_memfd.</summary>
    public virtual bool IsGuestMemfd => false;

    public virtual void Visit(Visitor v)
    {
        v.Optional("dump", ref Dump, "the memory may be in a core dump of the daemon (the daemon makes none)");
        v.OptionalList("host-nodes", ref HostNodes, Shapes.UInt16, "NUMA nodes of the host that the memory comes from", qomType: "int");
        v.Optional("merge", ref Merge, "the kernel may merge equal pages (KSM)");
        v.OptionalEnum("policy", ref Policy, Policies, "how host-nodes are used");
        v.Optional("prealloc", ref Prealloc, "allocate all pages before the command is answered");
        v.Optional("prealloc-threads", ref PreallocThreads, "threads that allocate");
        v.Optional("prealloc-context", ref PreallocContext, "thread-context object of these threads", qomType: "link<thread-context>");
        v.Optional("share", ref Share, "writes are seen by others who map the memory");
        v.Optional("reserve", ref Reserve, "reserve swap space or huge pages");
        v.Required("size", ref Size, "bytes of memory", IntegerKind.Size);
        v.Optional(
            "x-use-canonical-path-for-ramblock-id", ref UseCanonicalPathForRamblockId, "the memory is called by its path instead of its id, in errors and in /proc",
            qomDescribed: false);
    }

    /// <summary>A copy of its own, to be changed before it is published.</summary>
    public MemoryBackendProperties Clone() => (MemoryBackendProperties)MemberwiseClone();

    /// <summary>Fills in every default.</summary>
    /// <param name="share">What share defaults to for this kind.</param>
    public virtual void FillDefaults(bool share)
    {
        Dump ??= true;
        HostNodes ??= [];
        Merge ??= true;
        Policy ??= HostMemPolicy.Default;
        Prealloc ??= false;
        // One thread a vCPU of the machine, which has one (seen in QEMU 11.1.3).
        PreallocThreads ??= 1;
        PreallocContext ??= "";
        Share ??= share;
        Reserve ??= true;
        UseCanonicalPathForRamblockId ??= false;
    }
}
