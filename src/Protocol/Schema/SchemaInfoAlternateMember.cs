namespace Hostmemd.Protocol.Schema;

internal sealed class SchemaInfoAlternateMember : IQapiType
{
    internal string Type = "";

    public static string TypeName => "SchemaInfoAlternateMember";

    public void Visit(Visitor v) => v.Required("type", ref Type, "one of the types");
}
