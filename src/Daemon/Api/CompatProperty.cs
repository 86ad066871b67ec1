using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class CompatProperty : IQapiType
{
    internal string QomType = "";
    internal string Property = "";
    internal string Value = "";

    public static string TypeName => "CompatProperty";

    public void Visit(Visitor v)
    {
        v.Required("qom-type", ref QomType, "the type whose property is set");
        v.Required("property", ref Property, "the property");
        v.Required("value", ref Value, "its value");
    }
}
