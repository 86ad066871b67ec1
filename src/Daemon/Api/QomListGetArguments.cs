using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class QomListGetArguments : IQapiType
{
    internal List<string> Paths = [];

    public static string TypeName => "QomListGetArguments";

    public void Visit(Visitor v) => v.List("paths", ref Paths, Shapes.Text, "the objects");
}
