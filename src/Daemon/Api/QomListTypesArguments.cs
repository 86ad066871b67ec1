using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class QomListTypesArguments : IQapiType
{
    internal string? Implements;
    internal bool? Abstract;

    public static string TypeName => "QomListTypesArguments";

    public void Visit(Visitor v)
    {
        v.Optional("implements", ref Implements, "only types that are or derive from this one");
        v.Optional("abstract", ref Abstract, "true: abstract types too");
    }
}
