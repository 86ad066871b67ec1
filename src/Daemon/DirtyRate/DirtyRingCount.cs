using Hostmemd.Guests;
using Hostmemd.Kvm;

namespace Hostmemd.DirtyRate;

/// <summary>Counts by the vCPU's dirty ring, which has the same pages as <see cref="DirtyLogCount"/>'s bitmaps would.</summary>
internal sealed class DirtyRingCount(Guest guest) : IDirtyCount
{
    private readonly DirtyLogging _logging = new(guest);

    public async Task BeginAsync()
    {
        await TakeAsync().ConfigureAwait(false);
        await _logging.BeginAsync().ConfigureAwait(false);
    }

    public async Task<double> EndAsync()
    {
        try
        {
            return await TakeAsync().ConfigureAwait(false) * (double)MappedMemory.PageSize;
        }
        finally
        {
            await _logging.EndAsync((_, _) => 0).ConfigureAwait(false);
        }
    }

    /// <summary>A vCPU that is made during the measurement counts as well.</summary>
    private async Task<long> TakeAsync() => guest.Probe.Made is { } vcpu ? await vcpu.TakeDirtyPagesAsync().ConfigureAwait(false) : 0;
}
