using Xunit;

namespace Hostmemd.Kvm.Tests;

/// <summary>A test that needs the real kernel; skipped with the reason where it cannot run, never silently.</summary>
public sealed class KvmFactAttribute : FactAttribute
{
    private static readonly string? Reason = FindReason();

    public KvmFactAttribute() => Skip = Reason;

    private static string? FindReason()
    {
        var kernel = new LinuxKernel();
        try
        {
            using var kvm = kernel.OpenKvm();
            using var vm = kernel.CreateVm(kvm, 0);
            var flags = kernel.CheckExtension(vm, KvmCapability.GuestMemfdFlags);
            return (flags & 3) == 3 ? null : $"guest_memfd cannot be mapped on this kernel: KVM_CAP_GUEST_MEMFD_FLAGS is {flags}";
        }
        catch (KernelException e)
        {
            return $"no usable KVM: {e.Message}";
        }
    }
}
