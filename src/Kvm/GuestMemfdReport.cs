namespace Hostmemd.Kvm;

/// <summary>What guest_memfd can do on this host, shown by doing it.</summary>
/// <param name="KernelRelease">For people; nothing is concluded from it.</param>
/// <param name="VmType">The type that was measured.</param>
/// <param name="VmTypes">Types that could be made.</param>
/// <param name="Flags">KVM_CAP_GUEST_MEMFD_FLAGS.</param>
/// <param name="Abilities">Every value of <see cref="GuestMemfdAbility"/>, in its order.</param>
public sealed record GuestMemfdReport(
    string KernelRelease, uint VmType, IReadOnlyList<uint> VmTypes, ulong Flags, IReadOnlyList<GuestMemfdAbilityInfo> Abilities)
{
    public GuestMemfdAbilityInfo this[GuestMemfdAbility ability] => Abilities[(int)ability];
}
