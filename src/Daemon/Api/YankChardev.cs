using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class YankChardev : IQapiType
{
    internal string Id = "";

    public static string TypeName => "YankInstanceChardev";

    public void Visit(Visitor v) => v.Required("id", ref Id, "the character device's id");
}
