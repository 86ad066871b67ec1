using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Api;

internal sealed class ObjectPropertyValue : IQapiType
{
    internal string Name = "";
    internal string Type = "";
    internal JsonValue? Value;

    public static string TypeName => "ObjectPropertyValue";

    public void Visit(Visitor v)
    {
        v.Required("name", ref Name, "the property's name");
        v.Required("type", ref Type, "its type");
        v.Optional("value", ref Value, "its value, where it can be read");
    }
}
