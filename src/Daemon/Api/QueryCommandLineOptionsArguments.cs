using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class QueryCommandLineOptionsArguments : IQapiType
{
    internal string? Option;

    public static string TypeName => "QueryCommandLineOptionsArguments";

    public void Visit(Visitor v) => v.Optional("option", ref Option, "only this one");
}
