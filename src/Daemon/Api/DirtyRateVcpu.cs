using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class DirtyRateVcpu : IQapiType
{
    internal long Id;
    internal long Rate;

    public static string TypeName => "DirtyRateVcpu";

    public void Visit(Visitor v)
    {
        v.Required("id", ref Id, "index of the vCPU");
        v.Required("dirty-rate", ref Rate, "MiB a second");
    }
}
