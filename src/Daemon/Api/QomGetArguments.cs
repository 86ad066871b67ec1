using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class QomGetArguments : IQapiType
{
    internal string Path = "";
    internal string Property = "";

    public static string TypeName => "QomGetArguments";

    public void Visit(Visitor v)
    {
        v.Required("path", ref Path, "absolute path, or the tail of one where it is unique");
        v.Required("property", ref Property, "the property's name");
    }
}
