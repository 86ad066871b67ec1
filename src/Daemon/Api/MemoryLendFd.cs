using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryLendFd : IQapiType
{
    internal string FdName = "";

    public static string TypeName => "MemoryLendFd";

    public void Visit(Visitor v) => v.Required("fdname", ref FdName, "an open /dev/vhost-*, given by getfd; the loan ends when it is closed by closefd");
}
