using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects.Allocation;

/// <summary>
/// The huge pages behind one backend: whether there are enough, taking them before the backend is acknowledged, and why they could not be
/// had.
/// </summary>
/// <remarks>
/// mmap reserves in the pool and charges the control group for the reservation; taking a page later can still fail, by the group's limit of
/// pages in use or because the reservation is on another node, and that is a SIGBUS. So they are taken at once (decision 0008).
/// </remarks>
internal sealed class HugePages
{
    private readonly Guest _guest;
    private readonly MemoryBackendProperties _properties;
    private readonly SafeHandle _file;
    private readonly ulong _offset;
    private readonly HugePageNeed _need;

    private HugePages(Guest guest, MemoryBackendProperties properties, SafeHandle file, ulong offset, ulong pageSize)
    {
        (_guest, _properties, _file, _offset) = (guest, properties, file, offset);
        IReadOnlyList<uint> nodes = properties.Policy == HostMemPolicy.Bind ? [.. (properties.HostNodes ?? []).Select(node => (uint)node)] : [];
        _need = HugePageNeed.For(pageSize, properties.Size, nodes);
    }

    private bool Reserves => _properties.Reserve != false;

    /// <summary>What the file behind a backend has to do with huge pages.</summary>
    /// <param name="properties">Defaults filled in.</param>
    /// <param name="file">Open for writing; kept, and closed by its owner.</param>
    /// <param name="offset">Where in the file the backend's memory begins, bytes.</param>
    /// <returns>null: it has small pages.</returns>
    /// <exception cref="KernelException">The kernel does not tell.</exception>
    public static HugePages? Find(Guest guest, MemoryBackendProperties properties, SafeHandle file, ulong offset = 0)
    {
        var status = guest.Kernel.Fstatfs(file);
        return status.IsHugeTlb ? new HugePages(guest, properties, file, offset, status.BlockSize) : null;
    }

    /// <summary>
    /// Before mmap. Without a reservation mmap succeeds whatever there is, and the guest would end by a SIGBUS; with one the kernel is the
    /// judge.
    /// </summary>
    /// <exception cref="QmpException">reserve=off, and there are not enough pages now.</exception>
    public void CheckBefore()
    {
        if (Reserves)
            return;
        var (pool, limit) = Look();
        if (pool.Available(_need.Nodes) < _need.Pages || (limit is not null && _need.Exceeds(limit.Left)))
            throw HugePageText.NotThere(_need, pool, limit);
    }

    /// <summary>After mmap and mbind, where prealloc does not do the same: takes all pages, and zeroes them, which may take seconds.</summary>
    /// <param name="owner">For whom it is done.</param>
    /// <param name="populate">Takes them where they have to come through a mapping.</param>
    /// <exception cref="QmpException">Not all of them can be had. What was taken goes with the backend.</exception>
    public async Task ReserveAsync(WorkOwner owner, Func<Task> populate)
    {
        if (!Reserves)
            return;
        // fallocate holds no lock of the address space, but knows nothing of a mapping: neither its policy (hugetlbfs has no shared
        // ones: Documentation/admin-guide/mm/numa_memory_policy.rst) nor that a private one wants pages of its own.
        if (_properties.Share == true && _properties.Policy is null or HostMemPolicy.Default)
            await _guest.SlowWork.RunAsync(owner, Allocate).ConfigureAwait(false);
        else
            await populate().ConfigureAwait(false);
    }

    /// <summary>Adds the figures to a refusal; to be called when all that was taken is given back, so that they are not ours.</summary>
    public QmpException Explain(QmpException refusal)
    {
        var (pool, limit) = Look();
        return HugePageText.WithFigures(refusal, _need, pool, limit);
    }

    private void Allocate()
    {
        try
        {
            _guest.Kernel.Fallocate(_file, FallocateMode.None, _offset, _need.Pages * _need.PageSize);
        }
        catch (KernelException e)
        {
            throw HugePageText.ReserveFailed(Errno.Text(e.Errno));
        }
    }

    private (HugePagePool Pool, CgroupLimit? Limit) Look() => (
        HugePagePool.Read(_guest.Options.Host, _need.PageSize), CgroupLimit.TightestOfHugePages(_guest.Options.Host, _need.PageSize));
}
