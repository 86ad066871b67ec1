using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class GuestMemfdCapabilitiesArguments : IQapiType
{
    internal bool? Refresh;

    public static string TypeName => "QueryGuestMemfdCapabilitiesArguments";

    public void Visit(Visitor v) => v.Optional("refresh", ref Refresh, "measure again; else what was measured once since the start");
}
