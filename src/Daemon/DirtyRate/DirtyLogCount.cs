using System.Numerics;
using Hostmemd.Guests;
using Hostmemd.Kvm;

namespace Hostmemd.DirtyRate;

/// <summary>
/// Counts by the bitmaps of KVM's dirty log what vCPUs of this VM write; what the host or another VM writes is not in it.
/// </summary>
internal sealed class DirtyLogCount(Guest guest) : IDirtyCount
{
    private readonly DirtyLogging _logging = new(guest);

    public Task BeginAsync() => _logging.BeginAsync();

    public async Task<double> EndAsync()
    {
        var pages = await _logging.EndAsync((vm, slot) => vm.GetDirtyLog(slot.Id).Sum(word => (long)BitOperations.PopCount(word)))
            .ConfigureAwait(false);
        return pages * (double)MappedMemory.PageSize;
    }
}
