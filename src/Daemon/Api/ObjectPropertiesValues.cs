using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class ObjectPropertiesValues : IQapiType
{
    internal List<ObjectPropertyValue> Properties = [];

    public static string TypeName => "ObjectPropertiesValues";

    public void Visit(Visitor v) => v.List("properties", ref Properties, Shapes.Struct, "all properties of one object");
}
