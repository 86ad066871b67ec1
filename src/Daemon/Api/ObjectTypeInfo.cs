using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class ObjectTypeInfo : IQapiType
{
    internal string Name = "";
    internal bool? Abstract;
    internal string? Parent;

    public static string TypeName => "ObjectTypeInfo";

    public void Visit(Visitor v)
    {
        v.Required("name", ref Name, "the type");
        v.Optional("abstract", ref Abstract, "true: there are no objects of this very type");
        v.Optional("parent", ref Parent, "the type it derives from");
    }
}
