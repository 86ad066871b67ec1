using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryBackendDeletedData : IQapiType
{
    internal string Memdev = "";
    internal ulong Size;
    internal bool Held;
    internal ulong Generation;

    public static string TypeName => "MemoryBackendDeletedData";

    public void Visit(Visitor v)
    {
        v.Required("memdev", ref Memdev, "QOM path the backend had");
        v.Required("size", ref Size, "its size in bytes", IntegerKind.Size);
        v.Required("held", ref Held, "whether somebody else still holds the pages");
        v.Required("generation", ref Generation, "the change that removed it");
    }
}
