using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class AddFdInfo : IQapiType
{
    internal long FdSetId;
    internal long Fd;

    public static string TypeName => "AddfdInfo";

    public void Visit(Visitor v)
    {
        v.Required("fdset-id", ref FdSetId, "the set");
        v.Required("fd", ref Fd, "the descriptor's number in the daemon");
    }
}
