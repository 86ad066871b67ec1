using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryPageUsage : IQapiType
{
    internal ulong PageSize;
    internal ulong Bytes;

    public static string TypeName => "MemoryPageUsage";

    public void Visit(Visitor v)
    {
        v.Required("page-size", ref PageSize, "bytes of one page", IntegerKind.Size);
        v.Required("bytes", ref Bytes, "bytes in such pages", IntegerKind.Size);
    }
}
