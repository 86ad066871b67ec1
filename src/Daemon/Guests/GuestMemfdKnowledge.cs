using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Guests;

/// <summary>What guest_memfd can do on this host: measured when first asked for, and kept.</summary>
internal sealed class GuestMemfdKnowledge
{
    private readonly Lock _gate = new();
    private Task<GuestMemfdReport>? _report;

    /// <param name="refresh">Measure again.</param>
    /// <exception cref="KernelException">There is no KVM.</exception>
    public Task<GuestMemfdReport> ReportAsync(IKernel kernel, bool refresh = false)
    {
        lock (_gate)
        {
            if (_report is null || refresh || _report.IsFaulted)
                _report = GuestMemfdAbilities.MeasureAsync(kernel);
            return _report;
        }
    }

    /// <summary>What the rules for a guest_memfd backend go by.</summary>
    /// <param name="needsPolicy">Whether mbind holds matters; only then is it measured.</param>
    /// <exception cref="QmpException">The kernel does not tell.</exception>
    public async Task<GuestMemfdHost> HostAsync(Guest guest, bool needsPolicy)
    {
        var holds = needsPolicy && guest.Vm is not null && await PolicyHoldsAsync(guest.Kernel).ConfigureAwait(false);
        return new GuestMemfdHost(guest.Vm?.Capabilities, holds, BackendRules.HostMemory(guest.Kernel), guest.Kernel.KernelRelease);
    }

    private async Task<bool> PolicyHoldsAsync(IKernel kernel)
    {
        try
        {
            return (await ReportAsync(kernel).ConfigureAwait(false))[GuestMemfdAbility.NumaPolicy].Verdict == GuestMemfdVerdict.Works;
        }
        catch (KernelException e)
        {
            throw GuestMemfdErrors.NotMeasured(e.Message);
        }
    }
}
