using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Schema;

internal sealed class SchemaInfoObjectMember : IQapiType
{
    internal string Name = "";
    internal string Type = "";
    internal JsonValue? Default;
    internal List<string>? FeatureNames;

    public static string TypeName => "SchemaInfoObjectMember";

    public void Visit(Visitor v)
    {
        v.Required("name", ref Name, "the member's name");
        v.Required("type", ref Type, "its type");
        v.Optional("default", ref Default, "there where the member is optional; null: what it defaults to is not told here");
        v.OptionalList("features", ref FeatureNames, Shapes.Text, "its features");
    }
}
