using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class QueryMemoryUsageArguments : IQapiType
{
    internal string? Memdev;
    internal bool? Placement;
    internal bool? Holders;

    public static string TypeName => "QueryMemoryUsageArguments";

    public void Visit(Visitor v)
    {
        v.Optional("memdev", ref Memdev, "only this backend; id or QOM path");
        v.Optional("placement", ref Placement, "say page sizes and NUMA nodes too; default false");
        v.Optional("holders", ref Holders, "look for the processes that have the memory, and for deleted memory that is still held; default false");
    }
}
