namespace Hostmemd.Protocol.Schema;

internal sealed class SchemaInfoObject : IQapiType
{
    internal List<SchemaInfoObjectMember> Members = [];
    internal string? Tag;
    internal List<SchemaInfoObjectVariant>? Variants;

    public static string TypeName => "SchemaInfoObject";

    public void Visit(Visitor v)
    {
        v.List("members", ref Members, Shapes.Struct, "the members that are always possible");
        v.Optional("tag", ref Tag, "the member whose value decides on further ones");
        v.OptionalList("variants", ref Variants, Shapes.Struct, "those further members, for each value of the tag");
    }
}
