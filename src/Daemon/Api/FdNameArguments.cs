using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class FdNameArguments : IQapiType
{
    internal string FdName = "";

    public static string TypeName => "FdNameArguments";

    public void Visit(Visitor v) => v.Required("fdname", ref FdName, "the descriptor's name");
}
