namespace Hostmemd.Protocol.Schema;

/// <summary>A type that every schema has.</summary>
internal sealed class SchemaInfoBuiltin : IQapiType
{
    public static readonly EnumTable<JsonType> JsonTypes = new(
        "JSONType",
        (JsonType.String, "string"),
        (JsonType.Number, "number"),
        (JsonType.Int, "int"),
        (JsonType.Boolean, "boolean"),
        (JsonType.Null, "null"),
        (JsonType.Object, "object"),
        (JsonType.Array, "array"),
        (JsonType.Value, "value"));

    internal JsonType Type;

    public static string TypeName => "SchemaInfoBuiltin";

    public void Visit(Visitor v) => v.Enum("json-type", ref Type, JsonTypes, "the JSON type on the wire");
}
