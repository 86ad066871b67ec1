using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class RemoveFdArguments : IQapiType
{
    internal long FdSetId;
    internal long? Fd;

    public static string TypeName => "RemoveFdArguments";

    public void Visit(Visitor v)
    {
        v.Required("fdset-id", ref FdSetId, "the set");
        v.Optional("fd", ref Fd, "one descriptor of it; all of them unless given");
    }
}
