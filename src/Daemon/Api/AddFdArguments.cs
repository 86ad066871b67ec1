using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class AddFdArguments : IQapiType
{
    internal long? FdSetId;
    internal string? Opaque;

    public static string TypeName => "AddFdArguments";

    public void Visit(Visitor v)
    {
        v.Optional("fdset-id", ref FdSetId, "the set; the lowest free number unless given");
        v.Optional("opaque", ref Opaque, "text that query-fdsets shows beside the descriptor");
    }
}
