using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class VersionTriple : IQapiType
{
    internal long Major;
    internal long Minor;
    internal long Micro;

    public static string TypeName => "VersionTriple";

    public void Visit(Visitor v)
    {
        v.Required("major", ref Major, "major number");
        v.Required("minor", ref Minor, "minor number");
        v.Required("micro", ref Micro, "micro number");
    }
}
