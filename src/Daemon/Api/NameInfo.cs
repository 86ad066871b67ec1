using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class NameInfo : IQapiType
{
    internal string? Name;

    public static string TypeName => "NameInfo";

    public void Visit(Visitor v) => v.Optional("name", ref Name, "the guest's name, where -name gave one");
}
