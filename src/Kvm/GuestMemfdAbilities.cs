namespace Hostmemd.Kvm;

/// <summary>
/// Finds out what guest_memfd can do here: on VMs of its own, which are gone afterwards, each ability with a negative control.
/// </summary>
public static class GuestMemfdAbilities
{
    /// <summary>Measures; some ten milliseconds. Any thread.</summary>
    /// <exception cref="KernelException">No KVM at all. That KVM lacks guest_memfd is a result: all absent.</exception>
    public static async Task<GuestMemfdReport> MeasureAsync(IKernel kernel)
    {
        var thread = await VmThread.StartAsync(kernel).ConfigureAwait(false);
        await using var ended = thread.ConfigureAwait(false);
        var capabilities = thread.Capabilities;
        var found = new Dictionary<GuestMemfdAbility, GuestMemfdAbilityInfo>();
        if (capabilities.GuestMemfd)
        {
            using var measurement = new GuestMemfdMeasurement(kernel, thread);
            foreach (var info in await measurement.RunAsync().ConfigureAwait(false))
                found[info.Ability] = info;
        }

        var missing = capabilities.GuestMemfd ? GuestMemfdVerdict.Unproven : GuestMemfdVerdict.Absent;
        var detail = capabilities.GuestMemfd ? "there is no file, or no mapping of one, to try it with" : "KVM_CAP_GUEST_MEMFD is 0";
        return new GuestMemfdReport(
            kernel.KernelRelease,
            capabilities.VmType,
            [.. Enumerable.Range(0, 32).Where(type => ((capabilities.VmTypes >> type) & 1) != 0).Select(type => (uint)type)],
            (ulong)capabilities.GuestMemfdFlags,
            [.. Enum.GetValues<GuestMemfdAbility>().Select(a => found.GetValueOrDefault(a) ?? new(a, missing, false, null, detail))]);
    }
}
