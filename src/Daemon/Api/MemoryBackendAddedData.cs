using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryBackendAddedData : IQapiType
{
    internal string Memdev = "";
    internal string QomType = "";
    internal ulong Size;
    internal ulong Generation;

    public static string TypeName => "MemoryBackendAddedData";

    public void Visit(Visitor v)
    {
        v.Required("memdev", ref Memdev, "QOM path of the backend");
        v.Required("qom-type", ref QomType, "its type");
        v.Required("size", ref Size, "its size in bytes", IntegerKind.Size);
        v.Required("generation", ref Generation, "the change that made it");
    }
}
