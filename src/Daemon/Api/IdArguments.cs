using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class IdArguments : IQapiType
{
    internal string Id = "";

    public static string TypeName => "IdArguments";

    public void Visit(Visitor v) => v.Required("id", ref Id, "the id");
}
