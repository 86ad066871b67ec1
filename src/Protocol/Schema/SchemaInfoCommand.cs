namespace Hostmemd.Protocol.Schema;

internal sealed class SchemaInfoCommand : IQapiType
{
    internal string ArgType = "";
    internal string RetType = "";
    internal bool? AllowOob;

    public static string TypeName => "SchemaInfoCommand";

    public void Visit(Visitor v)
    {
        v.Required("arg-type", ref ArgType, "the object type of its arguments");
        v.Required("ret-type", ref RetType, "the type of its result");
        v.Optional("allow-oob", ref AllowOob, "true where exec-oob may call it");
    }
}
