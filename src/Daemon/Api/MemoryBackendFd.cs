using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryBackendFd : IQapiType
{
    public static readonly EnumTable<MemoryFdType> FdTypes = new(
        "MemoryFdType",
        (MemoryFdType.None, "none"),
        (MemoryFdType.Memfd, "memfd"),
        (MemoryFdType.GuestMemfd, "guest-memfd"),
        (MemoryFdType.Hugetlb, "hugetlb"),
        (MemoryFdType.Shm, "shm"),
        (MemoryFdType.File, "file"));

    internal string Memdev = "";
    internal MemoryFdType FdType;
    internal ulong Offset;
    internal ulong Size;
    internal ulong PageSize;
    internal bool Share;
    internal List<string> Seals = [];
    internal bool Mappable;
    internal bool Reopenable;

    public static string TypeName => "MemoryBackendFd";

    public void Visit(Visitor v)
    {
        v.Required("memdev", ref Memdev, "the backend's QOM path");
        v.Enum("fd-type", ref FdType, FdTypes, "what the descriptor is; hugetlb for a memfd of huge pages too");
        v.Required("offset", ref Offset, "where the memory begins in the file", IntegerKind.Size);
        v.Required("size", ref Size, "bytes of memory", IntegerKind.Size);
        v.Required("page-size", ref PageSize, "what offsets and lengths of a mapping must be a multiple of", IntegerKind.Size);
        v.Required("share", ref Share, "false: the backend's own writes stay with it, so what is mapped elsewhere is not what the guest sees");
        v.List("seals", ref Seals, Shapes.Text, "the file's seals: seal, shrink, grow, write, future-write, exec");
        v.Required("mappable", ref Mappable, "mmap works");
        v.Required("reopenable", ref Reopenable, "false: never open it through /proc, as that can crash the kernel (guest_memfd)");
    }
}
