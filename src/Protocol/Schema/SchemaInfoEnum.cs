namespace Hostmemd.Protocol.Schema;

internal sealed class SchemaInfoEnum : IQapiType
{
    internal List<SchemaInfoEnumMember> Members = [];
    internal List<string> Values = [];

    public static string TypeName => "SchemaInfoEnum";

    public void Visit(Visitor v)
    {
        v.List("members", ref Members, Shapes.Struct, "the values");
        v.List("values", ref Values, Shapes.Text, "their names alone", Features.Deprecated);
    }
}
