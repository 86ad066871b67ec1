namespace Hostmemd.Protocol.Schema;

internal sealed class SchemaInfoObjectVariant : IQapiType
{
    internal string Case = "";
    internal string Type = "";

    public static string TypeName => "SchemaInfoObjectVariant";

    public void Visit(Visitor v)
    {
        v.Required("case", ref Case, "the value of the tag");
        v.Required("type", ref Type, "the object type whose members join");
    }
}
