using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryNodeUsage : IQapiType
{
    internal uint Node;
    internal ulong Bytes;

    public static string TypeName => "MemoryNodeUsage";

    public void Visit(Visitor v)
    {
        v.Required("node", ref Node, "NUMA node of the host");
        v.Required("bytes", ref Bytes, "bytes there", IntegerKind.Size);
    }
}
