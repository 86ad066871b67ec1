using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemorySizeSummary : IQapiType
{
    internal ulong BaseMemory;
    internal ulong? PluggedMemory;

    public static string TypeName => "MemoryInfo";

    public void Visit(Visitor v)
    {
        v.Required("base-memory", ref BaseMemory, "bytes the machine started with", IntegerKind.Size);
        v.Optional("plugged-memory", ref PluggedMemory, "bytes plugged since", IntegerKind.Size);
    }
}
