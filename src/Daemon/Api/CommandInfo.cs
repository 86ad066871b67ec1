using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class CommandInfo : IQapiType
{
    internal string Name = "";

    public static string TypeName => "CommandInfo";

    public void Visit(Visitor v) => v.Required("name", ref Name, "the command");
}
