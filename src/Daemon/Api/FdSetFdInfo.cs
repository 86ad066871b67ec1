using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class FdSetFdInfo : IQapiType
{
    internal long Fd;
    internal string? Opaque;

    public static string TypeName => "FdsetFdInfo";

    public void Visit(Visitor v)
    {
        v.Required("fd", ref Fd, "the descriptor's number in the daemon");
        v.Optional("opaque", ref Opaque, "the text that came with it");
    }
}
