namespace Hostmemd.Protocol.Schema;

internal sealed class SchemaInfoEvent : IQapiType
{
    internal string ArgType = "";

    public static string TypeName => "SchemaInfoEvent";

    public void Visit(Visitor v) => v.Required("arg-type", ref ArgType, "the object type of its data");
}
