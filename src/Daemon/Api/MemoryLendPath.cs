using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryLendPath : IQapiType
{
    internal string Path = "";

    public static string TypeName => "MemoryLendPath";

    public void Visit(Visitor v) => v.Required("path", ref Path, "the Unix socket on which the CPR channel or the vhost-user back end is waited for");
}
