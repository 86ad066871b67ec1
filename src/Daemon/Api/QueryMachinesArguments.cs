using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class QueryMachinesArguments : IQapiType
{
    internal bool? CompatProps;

    public static string TypeName => "QueryMachinesArguments";

    public void Visit(Visitor v) => v.Optional("compat-props", ref CompatProps, "with compat-props of each", Features.Unstable);
}
