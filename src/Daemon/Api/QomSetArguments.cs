using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Api;

internal sealed class QomSetArguments : IQapiType
{
    internal string Path = "";
    internal string Property = "";
    internal JsonValue Value = JsonNull.Instance;

    public static string TypeName => "QomSetArguments";

    public void Visit(Visitor v)
    {
        v.Required("path", ref Path, "absolute path, or the tail of one where it is unique");
        v.Required("property", ref Property, "the property's name");
        v.Required("value", ref Value, "its new value");
    }
}
