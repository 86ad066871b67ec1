using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Api;

internal sealed class ObjectPropertyInfo : IQapiType
{
    internal string Name = "";
    internal string Type = "";
    internal string? Description;
    internal JsonValue? DefaultValue;

    public static string TypeName => "ObjectPropertyInfo";

    public void Visit(Visitor v)
    {
        v.Required("name", ref Name, "the property's name");
        v.Required("type", ref Type, "its type; child<T> and link<T> name other objects");
        v.Optional("description", ref Description, "what it is");
        v.Optional("default-value", ref DefaultValue, "what it is where nobody sets it");
    }
}
