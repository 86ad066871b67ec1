using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class GuestMemfdCapabilities : IQapiType
{
    internal string KernelRelease = "";
    internal uint VmType;
    internal List<uint> VmTypes = [];
    internal ulong Flags;
    internal List<GuestMemfdAbilityResult> Abilities = [];

    public static string TypeName => "GuestMemfdCapabilities";

    public void Visit(Visitor v)
    {
        v.Required("kernel-release", ref KernelRelease, "as uname gives it; for people, nothing is concluded from it");
        v.Required("vm-type", ref VmType, "the type of VM that was measured");
        v.List("vm-types", ref VmTypes, Shapes.UInt32, "the types that could be made");
        v.Required("flags", ref Flags, "KVM_CAP_GUEST_MEMFD_FLAGS");
        v.List("abilities", ref Abilities, Shapes.Struct, "every ability, always all of them");
    }
}
