using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class QueryMemoryLoansArguments : IQapiType
{
    internal string? Memdev;

    public static string TypeName => "QueryMemoryLoansArguments";

    public void Visit(Visitor v) => v.Optional("memdev", ref Memdev, "a backend's id or QOM path; all where it is left out");
}
