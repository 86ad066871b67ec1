using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryHolder : IQapiType
{
    internal long Pid;
    internal ulong StartTime;
    internal string Comm = "";
    internal uint Descriptors;
    internal uint Mappings;
    internal bool Self;

    public static string TypeName => "MemoryHolder";

    public void Visit(Visitor v)
    {
        v.Required("pid", ref Pid, "the process, as the daemon sees it");
        v.Required("start-time", ref StartTime, "clock ticks after boot; with pid it names one process for ever");
        v.Required("comm", ref Comm, "its name");
        v.Required("descriptors", ref Descriptors, "descriptors it has open of the memory");
        v.Required("mappings", ref Mappings, "mappings it has of the memory");
        v.Required("self", ref Self, "the daemon itself");
    }
}
