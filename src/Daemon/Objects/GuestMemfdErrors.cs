using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects;

/// <summary>Why a backend cannot be a guest_memfd. All ours: QEMU 11.1.3 has no such backend. "asked" is what asks for one.</summary>
internal static class GuestMemfdErrors
{
    /// <summary>Asked for by the property of memory-backend-memfd.</summary>
    public const string ByProperty = "'guest-memfd=on'";

    /// <summary>Asked for by the type of object.</summary>
    public const string ByType = "memory-backend-guest-memfd";

    public static QmpException BothSpellings() => new("Parameters 'guest-memfd' and 'x-guest-memfd' are the same, use one of them");

    public static QmpException NoKvm(string asked) => new($"{asked} requires KVM, but the accelerator is 'none'; start with '-accel kvm'");

    public static QmpException VmType(string asked, uint type) => new($"{asked} requires a VM of type 0, but this VM has type {type}");

    public static QmpException NoGuestMemfd(string asked, string release) =>
        new($"{asked} requires guest_memfd, but KVM of this kernel ({release}) has none; use Linux 6.18 or later");

    public static QmpException NoFlags(string asked, ulong flags, string release) => new(
        $"{asked} requires guest_memfd that can be mapped (flags 0x3), but KVM of this kernel ({release}) has flags 0x{flags:x}; "
        + "use Linux 6.18 or later");

    public static QmpException NotShared(string asked) => new($"{asked} requires 'share=on'");

    public static QmpException Hugetlb() => new("'guest-memfd=on' is not compatible with 'hugetlb=on': guest_memfd has no huge pages");

    public static QmpException HugetlbSize(ulong size) =>
        new($"'guest-memfd=on' is not compatible with 'hugetlbsize={size}': guest_memfd has no huge pages");

    public static QmpException Unsealed() =>
        new("'guest-memfd=on' is not compatible with 'seal=off': nobody can change a guest_memfd's size");

    public static QmpException Merge(string asked) => new($"{asked} is not compatible with 'merge=on': the kernel does not merge its pages");

    public static QmpException Policy(string asked, string policy, string release) => new(
        $"{asked} is not compatible with 'policy={policy}': this kernel ({release}) does not bind guest_memfd to NUMA nodes; leave out 'policy'");

    public static QmpException HostNodes(string asked, string nodes, string release) => new(
        $"{asked} is not compatible with 'host-nodes={nodes}': this kernel ({release}) does not bind guest_memfd to NUMA nodes; "
        + "leave out 'host-nodes'");

    public static QmpException Unaligned(string asked, ulong size, ulong page) =>
        new($"'size' {size} must be a multiple of the page size {page} with {asked}");

    public static QmpException TooLarge(string asked, ulong size, ulong host) =>
        new($"'size' {size} is beyond the host's memory and swap ({host} bytes), which {asked} cannot exceed");

    public static QmpException CreateFailed(ulong size, string error) => new($"failed to create guest_memfd of {size} bytes: {error}");

    public static QmpException NotMeasured(string error) => new($"whether guest_memfd can be bound to NUMA nodes here cannot be measured: {error}");
}
