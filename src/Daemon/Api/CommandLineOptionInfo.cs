using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class CommandLineOptionInfo : IQapiType
{
    internal string Option = "";
    internal List<CommandLineParameterInfo> Parameters = [];

    public static string TypeName => "CommandLineOptionInfo";

    public void Visit(Visitor v)
    {
        v.Required("option", ref Option, "the option, by QEMU's name for its group: memory for -m");
        v.List("parameters", ref Parameters, Shapes.Struct, "what it takes");
    }
}
