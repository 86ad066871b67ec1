using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class QueryMemorySlotsArguments : IQapiType
{
    internal ulong? Addr;
    internal ulong? Size;
    internal string? Memdev;
    internal uint? Limit;

    public static string TypeName => "QueryMemorySlotsArguments";

    public void Visit(Visitor v)
    {
        v.Optional("addr", ref Addr, "only slots that end behind this guest physical address");
        v.Optional("size", ref Size, "and begin within so many bytes from it; needs addr", IntegerKind.Size);
        v.Optional("memdev", ref Memdev, "only slots of this backend; id or QOM path");
        v.Optional("limit", ref Limit, "at most so many slots; 256 unless given, 32768 at most");
    }
}
