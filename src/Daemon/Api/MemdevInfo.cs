using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>One backend in query-memdev's answer.</summary>
internal sealed class MemdevInfo : IQapiType
{
    internal string? Id;
    internal ulong Size;
    internal bool Merge;
    internal bool Dump;
    internal bool Prealloc;
    internal bool Share;
    internal bool? Reserve;
    internal List<ushort> HostNodes = [];
    internal HostMemPolicy Policy;

    public static string TypeName => "Memdev";

    public void Visit(Visitor v)
    {
        v.Optional("id", ref Id, "the backend's id");
        v.Required("size", ref Size, "bytes of memory", IntegerKind.Size);
        v.Required("merge", ref Merge, "pages may be merged");
        v.Required("dump", ref Dump, "may be in a core dump");
        v.Required("prealloc", ref Prealloc, "all pages were allocated");
        v.Required("share", ref Share, "shared with others who map it");
        v.Optional("reserve", ref Reserve, "swap space or huge pages are reserved");
        v.List("host-nodes", ref HostNodes, Shapes.UInt16, "NUMA nodes it comes from");
        v.Enum("policy", ref Policy, MemoryBackendProperties.Policies, "how they are used");
    }
}
