using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class CommandLineParameterInfo : IQapiType
{
    public static readonly EnumTable<CommandLineParameterType> Types = new(
        "CommandLineParameterType",
        (CommandLineParameterType.String, "string"),
        (CommandLineParameterType.Boolean, "boolean"),
        (CommandLineParameterType.Number, "number"),
        (CommandLineParameterType.Size, "size"));

    internal string Name = "";
    internal CommandLineParameterType Type;
    internal string? Help;
    internal string? Default;

    public static string TypeName => "CommandLineParameterInfo";

    public void Visit(Visitor v)
    {
        v.Required("name", ref Name, "the key");
        v.Enum("type", ref Type, Types, "how its value is read");
        v.Optional("help", ref Help, "what it is");
        v.Optional("default", ref Default, "the value without it");
    }
}
