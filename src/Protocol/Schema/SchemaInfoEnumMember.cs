namespace Hostmemd.Protocol.Schema;

internal sealed class SchemaInfoEnumMember : IQapiType
{
    internal string Name = "";
    internal List<string>? FeatureNames;

    public static string TypeName => "SchemaInfoEnumMember";

    public void Visit(Visitor v)
    {
        v.Required("name", ref Name, "the value");
        v.OptionalList("features", ref FeatureNames, Shapes.Text, "its features");
    }
}
