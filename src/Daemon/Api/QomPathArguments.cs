using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class QomPathArguments : IQapiType
{
    internal string Path = "";

    public static string TypeName => "QomPathArguments";

    public void Visit(Visitor v) => v.Required("path", ref Path, "absolute path, or the tail of one where it is unique");
}
