using Hostmemd.Api;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects;

/// <summary>What must hold before a backend can be an in-place guest_memfd. KVM first, as nothing else matters without it.</summary>
internal static class GuestMemfdRules
{
    /// <exception cref="QmpException">The first rule that is broken; nothing has been allocated.</exception>
    public static void Check(MemfdProperties properties, GuestMemfdHost host)
    {
        if (properties.GuestMemfd is not null && properties.ExperimentalGuestMemfd is not null)
            throw GuestMemfdErrors.BothSpellings();
        if (!properties.IsGuestMemfd)
            return;
        CheckKvm(host);
        if (properties.Share == false)
            throw GuestMemfdErrors.NotShared();
        if (properties.Hugetlb == true)
            throw GuestMemfdErrors.Hugetlb();
        if (properties.HugetlbSize is { } hugetlbSize)
            throw GuestMemfdErrors.HugetlbSize(hugetlbSize);
        if (properties.Seal == false)
            throw GuestMemfdErrors.Unsealed();
        if (properties.Merge == true)
            throw GuestMemfdErrors.Merge();
        CheckPolicy(properties, host);
        if (properties.Size % MappedMemory.PageSize != 0)
            throw GuestMemfdErrors.Unaligned(properties.Size, MappedMemory.PageSize);
        if (properties.Size > host.MemoryAndSwap)
            throw GuestMemfdErrors.TooLarge(properties.Size, host.MemoryAndSwap);
    }

    private static void CheckKvm(GuestMemfdHost host)
    {
        if (host.Capabilities is not { } kvm)
            throw GuestMemfdErrors.NoKvm();
        if (kvm.VmType != 0)
            throw GuestMemfdErrors.VmType(kvm.VmType);
        if (!kvm.GuestMemfd)
            throw GuestMemfdErrors.NoGuestMemfd(host.KernelRelease);
        if (!kvm.GuestMemfdInPlace)
            throw GuestMemfdErrors.NoFlags((ulong)kvm.GuestMemfdFlags, host.KernelRelease);
    }

    /// <summary>Before Linux 6.19 mbind answers 0 and binds nothing; whether it holds is measured, not looked up by version.</summary>
    private static void CheckPolicy(MemfdProperties properties, GuestMemfdHost host)
    {
        if (host.PolicyHolds)
            return;
        if (properties.Policy is { } policy && policy != HostMemPolicy.Default)
            throw GuestMemfdErrors.Policy(MemoryBackendProperties.Policies.NameOf(policy), host.KernelRelease);
        if (properties.HostNodes is { Count: > 0 } nodes)
            throw GuestMemfdErrors.HostNodes(string.Join(",", nodes), host.KernelRelease);
    }
}
