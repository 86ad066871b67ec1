using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>The properties of memory-backend-memfd.</summary>
internal sealed class MemfdProperties : MemoryBackendProperties, IQapiType
{
    internal bool? Hugetlb;
    internal ulong? HugetlbSize;
    internal bool? Seal;
    internal bool? ExperimentalGuestMemfd;
    internal bool? GuestMemfd;

    public static new string TypeName => "MemoryBackendMemfdProperties";

    /// <summary>One of the two spellings was given, whatever its value.</summary>
    public bool SaysGuestMemfd => GuestMemfd is not null || ExperimentalGuestMemfd is not null;

    /// <summary>Whichever way it was spelled.</summary>
    public override bool IsGuestMemfd => (GuestMemfd ?? ExperimentalGuestMemfd) == true;

    public override void Visit(Visitor v)
    {
        base.Visit(v);
        v.Optional("hugetlb", ref Hugetlb, "use huge pages");
        v.Optional("hugetlbsize", ref HugetlbSize, "their size in bytes", IntegerKind.Size);
        v.Optional("seal", ref Seal, "nobody can change the file's size");
        v.Optional("x-guest-memfd", ref ExperimentalGuestMemfd, "the upstream name of guest-memfd", Features.Unstable);
        v.Optional(
            "guest-memfd", ref GuestMemfd,
            "a guest_memfd, fully shared, is the only memory of the backend; needs KVM and share=on", Features.Hostmemd);
    }

    public override void FillDefaults(bool share)
    {
        // KSM cannot merge a guest_memfd's pages: true would be untrue.
        Merge ??= !IsGuestMemfd;
        base.FillDefaults(share);
        Hugetlb ??= false;
        HugetlbSize ??= 0;
        Seal ??= true;
        // Both spellings show the one value.
        GuestMemfd = ExperimentalGuestMemfd = IsGuestMemfd;
    }
}
