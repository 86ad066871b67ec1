using Hostmemd.Kvm;
using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class GuestMemfdAbilityResult : IQapiType
{
    public static readonly EnumTable<GuestMemfdAbility> Names = new(
        "GuestMemfdAbility",
        (GuestMemfdAbility.Create, "create"),
        (GuestMemfdAbility.Mmap, "mmap"),
        (GuestMemfdAbility.InitShared, "init-shared"),
        (GuestMemfdAbility.Populate, "populate"),
        (GuestMemfdAbility.PunchHole, "punch-hole"),
        (GuestMemfdAbility.BindFd, "bind-fd"),
        (GuestMemfdAbility.BindAddress, "bind-address"),
        (GuestMemfdAbility.BindAddressOtherVm, "bind-address-other-vm"),
        (GuestMemfdAbility.BindFdOtherVm, "bind-fd-other-vm"),
        (GuestMemfdAbility.DirtyLogAddress, "dirty-log-address"),
        (GuestMemfdAbility.DirtyLogFd, "dirty-log-fd"),
        (GuestMemfdAbility.ReadonlyFd, "readonly-fd"),
        (GuestMemfdAbility.AliasFd, "alias-fd"),
        (GuestMemfdAbility.MoveFd, "move-fd"),
        (GuestMemfdAbility.NumaPolicy, "numa-policy"),
        (GuestMemfdAbility.UserfaultfdMissing, "userfaultfd-missing"),
        (GuestMemfdAbility.UserfaultfdMinor, "userfaultfd-minor"),
        (GuestMemfdAbility.UserfaultfdWp, "userfaultfd-wp"),
        (GuestMemfdAbility.Write, "write"),
        (GuestMemfdAbility.Resize, "resize"),
        (GuestMemfdAbility.Hugetlb, "hugetlb"),
        (GuestMemfdAbility.MemoryAttributes, "memory-attributes"),
        (GuestMemfdAbility.PreFault, "pre-fault"),
        (GuestMemfdAbility.OffsetOverflowRefused, "offset-overflow-refused"));

    public static readonly EnumTable<GuestMemfdVerdict> Verdicts = new(
        "GuestMemfdVerdict",
        (GuestMemfdVerdict.Works, "works"),
        (GuestMemfdVerdict.Ineffective, "ineffective"),
        (GuestMemfdVerdict.Refused, "refused"),
        (GuestMemfdVerdict.Absent, "absent"),
        (GuestMemfdVerdict.Unproven, "unproven"));

    internal GuestMemfdAbility Ability;
    internal GuestMemfdVerdict Verdict;
    internal bool ControlPassed;
    internal string? ErrnoName;
    internal string? Detail;

    public static string TypeName => "GuestMemfdAbilityInfo";

    public void Visit(Visitor v)
    {
        v.Enum("ability", ref Ability, Names, "what was tried");
        v.Enum("verdict", ref Verdict, Verdicts, "works: its effect was seen; ineffective: the call succeeded and the effect did not show");
        v.Required("control-passed", ref ControlPassed, "the negative control behaved as it must");
        v.Optional("errno", ref ErrnoName, "the error's name, of a refusal");
        v.Optional("detail", ref Detail, "what is missing, or what was seen");
    }
}
