namespace Hostmemd.Protocol.Schema;

internal sealed class SchemaInfoArray : IQapiType
{
    internal string ElementType = "";

    public static string TypeName => "SchemaInfoArray";

    public void Visit(Visitor v) => v.Required("element-type", ref ElementType, "the type of each element");
}
