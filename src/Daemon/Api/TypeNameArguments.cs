using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class TypeNameArguments : IQapiType
{
    internal string Name = "";

    public static string TypeName => "TypeNameArguments";

    public void Visit(Visitor v) => v.Required("typename", ref Name, "the type");
}
