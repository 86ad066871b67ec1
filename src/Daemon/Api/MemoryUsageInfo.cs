using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryUsageInfo : IQapiType
{
    internal string Memdev = "";
    internal ulong Size;
    internal MemoryFdType FdType;
    internal ulong Resident;
    internal ulong? Swapped;
    internal ulong? MappedHere;
    internal List<MemoryPageUsage>? Pages;
    internal List<MemoryNodeUsage>? Nodes;
    internal List<MemoryHolder>? Holders;
    internal bool? HoldersComplete;
    internal bool Deleted;
    internal string? Cgroup;

    public static string TypeName => "MemoryUsageInfo";

    public void Visit(Visitor v)
    {
        v.Required("memdev", ref Memdev, "the backend's QOM path");
        v.Required("size", ref Size, "bytes of memory that a guest can have of it", IntegerKind.Size);
        v.Enum("fd-type", ref FdType, MemoryBackendFd.FdTypes, "what it is mapped from; none: anonymous");
        v.Required(
            "resident", ref Resident,
            "bytes in memory, whoever touched them. Of deleted memory what the file's blocks say, swap included; 0 where they say nothing: "
            + "guest_memfd, and memory that its holders have mapped but not open",
            IntegerKind.Size);
        v.Optional("swapped", ref Swapped, "bytes in swap; absent where it is not known", IntegerKind.Size);
        v.Optional("mapped-here", ref MappedHere, "bytes in the daemon's own page tables; of shared memory with placement alone, and never before Linux 6.7", IntegerKind.Size);
        v.OptionalList("pages", ref Pages, Shapes.Struct, "with placement: the page sizes with which it is mapped here");
        v.OptionalList("nodes", ref Nodes, Shapes.Struct, "with placement: the NUMA nodes of what is mapped here");
        v.OptionalList("holders", ref Holders, Shapes.Struct, "with holders: the processes that have it open or mapped");
        v.Optional("holders-complete", ref HoldersComplete, "with holders: false where processes could not be read, or there were too many");
        v.Required("deleted", ref Deleted, "the backend is deleted and others still have the memory: it is not free yet");
        v.Optional("cgroup", ref Cgroup, "the daemon's cgroup (v2), which pays for the pages that it populates");
    }
}
