using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class FdSetInfo : IQapiType
{
    internal long FdSetId;
    internal List<FdSetFdInfo> Fds = [];

    public static string TypeName => "FdsetInfo";

    public void Visit(Visitor v)
    {
        v.Required("fdset-id", ref FdSetId, "the set");
        v.List("fds", ref Fds, Shapes.Struct, "its descriptors");
    }
}
