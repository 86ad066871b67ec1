using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class YankBlockNode : IQapiType
{
    internal string NodeName = "";

    public static string TypeName => "YankInstanceBlockNode";

    public void Visit(Visitor v) => v.Required("node-name", ref NodeName, "the node's name");
}
