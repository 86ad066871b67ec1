namespace Hostmemd.Protocol.Schema;

/// <summary>One entity of query-qmp-schema's answer.</summary>
public sealed class SchemaInfo : IQapiType
{
    internal static readonly EnumTable<SchemaMetaType> MetaTypes = new(
        "SchemaMetaType",
        (SchemaMetaType.Builtin, "builtin"),
        (SchemaMetaType.Enum, "enum"),
        (SchemaMetaType.Array, "array"),
        (SchemaMetaType.Object, "object"),
        (SchemaMetaType.Alternate, "alternate"),
        (SchemaMetaType.Command, "command"),
        (SchemaMetaType.Event, "event"));

    internal string Name = "";
    internal SchemaMetaType MetaType;
    internal List<string>? FeatureNames;
    internal SchemaInfoBuiltin Builtin = new();
    internal SchemaInfoEnum Enum = new();
    internal SchemaInfoArray Array = new();
    internal SchemaInfoObject Object = new();
    internal SchemaInfoAlternate Alternate = new();
    internal SchemaInfoCommand Command = new();
    internal SchemaInfoEvent Event = new();

    public static string TypeName => "SchemaInfo";

    public void Visit(Visitor v)
    {
        v.Required("name", ref Name, "the entity's name; types have numbers, which change from version to version");
        v.Enum("meta-type", ref MetaType, MetaTypes, "what the entity is");
        v.OptionalList("features", ref FeatureNames, Shapes.Text, "its features");
        v.Branch("meta-type", "builtin", MetaType == SchemaMetaType.Builtin, ref Builtin);
        v.Branch("meta-type", "enum", MetaType == SchemaMetaType.Enum, ref Enum);
        v.Branch("meta-type", "array", MetaType == SchemaMetaType.Array, ref Array);
        v.Branch("meta-type", "object", MetaType == SchemaMetaType.Object, ref Object);
        v.Branch("meta-type", "alternate", MetaType == SchemaMetaType.Alternate, ref Alternate);
        v.Branch("meta-type", "command", MetaType == SchemaMetaType.Command, ref Command);
        v.Branch("meta-type", "event", MetaType == SchemaMetaType.Event, ref Event);
    }
}
