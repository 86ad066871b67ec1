using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>The properties of memory-backend-guest-memfd: those that all have.</summary>
internal sealed class GuestMemfdProperties : MemoryBackendProperties, IQapiType
{
    public static new string TypeName => "MemoryBackendGuestMemfdProperties";

    public override bool IsGuestMemfd => true;

    public override void FillDefaults(bool share)
    {
        // KSM cannot merge a guest_memfd's pages: true would be untrue.
        Merge ??= false;
        base.FillDefaults(share);
    }
}
