namespace Hostmemd.Protocol.Schema;

internal sealed class SchemaInfoAlternate : IQapiType
{
    internal List<SchemaInfoAlternateMember> Members = [];

    public static string TypeName => "SchemaInfoAlternate";

    public void Visit(Visitor v) => v.List("members", ref Members, Shapes.Struct, "the types it can have");
}
