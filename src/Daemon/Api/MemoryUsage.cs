using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryUsage : IQapiType
{
    internal ulong Generation;
    internal List<MemoryUsageInfo> Backends = [];
    internal ulong TotalSize;
    internal ulong TotalResident;

    public static string TypeName => "MemoryUsage";

    public void Visit(Visitor v)
    {
        v.Required("generation", ref Generation, "the state whose backends are listed");
        v.List("backends", ref Backends, Shapes.Struct, "by id; then deleted memory that somebody holds");
        v.Required("total-size", ref TotalSize, "bytes, of all that is listed", IntegerKind.Size);
        v.Required("total-resident", ref TotalResident, "bytes in memory, of all that is listed", IntegerKind.Size);
    }
}
