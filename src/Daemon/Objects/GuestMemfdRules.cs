using Hostmemd.Api;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects;

/// <summary>What must hold before a backend can be a guest_memfd. KVM first, as nothing else matters without it.</summary>
internal static class GuestMemfdRules
{
    /// <summary>Whether the backend is to be a guest_memfd, or says something of it that needs checking.</summary>
    public static bool Concern(MemoryBackendProperties properties) =>
        properties.IsGuestMemfd || properties is MemfdProperties { SaysGuestMemfd: true };

    /// <summary>Whether mbind must hold for what is asked.</summary>
    public static bool NeedPolicy(MemoryBackendProperties properties) =>
        properties.IsGuestMemfd
        && (properties.Policy is not (null or HostMemPolicy.Default) || properties.HostNodes is { Count: > 0 });

    /// <exception cref="QmpException">The first rule that is broken; nothing has been allocated.</exception>
    public static void Check(MemoryBackendProperties properties, GuestMemfdHost host)
    {
        var memfd = properties as MemfdProperties;
        if (memfd is { GuestMemfd: not null, ExperimentalGuestMemfd: not null })
            throw GuestMemfdErrors.BothSpellings();
        if (!properties.IsGuestMemfd)
            return;
        var asked = memfd is null ? GuestMemfdErrors.ByType : GuestMemfdErrors.ByProperty;
        CheckKvm(asked, host);
        if (properties.Share == false)
            throw GuestMemfdErrors.NotShared(asked);
        if (memfd is not null)
            CheckMemfd(memfd);
        if (properties.Merge == true)
            throw GuestMemfdErrors.Merge(asked);
        CheckPolicy(asked, properties, host);
        if (properties.Size % MappedMemory.PageSize != 0)
            throw GuestMemfdErrors.Unaligned(asked, properties.Size, MappedMemory.PageSize);
        if (properties.Size > host.MemoryAndSwap)
            throw GuestMemfdErrors.TooLarge(asked, properties.Size, host.MemoryAndSwap);
    }

    private static void CheckMemfd(MemfdProperties properties)
    {
        if (properties.Hugetlb == true)
            throw GuestMemfdErrors.Hugetlb();
        if (properties.HugetlbSize is { } hugetlbSize)
            throw GuestMemfdErrors.HugetlbSize(hugetlbSize);
        if (properties.Seal == false)
            throw GuestMemfdErrors.Unsealed();
    }

    private static void CheckKvm(string asked, GuestMemfdHost host)
    {
        if (host.Capabilities is not { } kvm)
            throw GuestMemfdErrors.NoKvm(asked);
        if (kvm.VmType != 0)
            throw GuestMemfdErrors.VmType(asked, kvm.VmType);
        if (!kvm.GuestMemfd)
            throw GuestMemfdErrors.NoGuestMemfd(asked, host.KernelRelease);
        if (!kvm.GuestMemfdInPlace)
            throw GuestMemfdErrors.NoFlags(asked, (ulong)kvm.GuestMemfdFlags, host.KernelRelease);
    }

    /// <summary>Before Linux 6.19 mbind answers 0 and binds nothing; whether it holds is measured, not looked up by version.</summary>
    private static void CheckPolicy(string asked, MemoryBackendProperties properties, GuestMemfdHost host)
    {
        if (host.PolicyHolds)
            return;
        if (properties.Policy is { } policy && policy != HostMemPolicy.Default)
            throw GuestMemfdErrors.Policy(asked, MemoryBackendProperties.Policies.NameOf(policy), host.KernelRelease);
        if (properties.HostNodes is { Count: > 0 } nodes)
            throw GuestMemfdErrors.HostNodes(asked, string.Join(",", nodes), host.KernelRelease);
    }
}
