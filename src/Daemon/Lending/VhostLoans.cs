using System.Net.Sockets;
using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;
using Hostmemd.Objects;
using Hostmemd.Usage;

namespace Hostmemd.Lending;

/// <summary>
/// Memory that vhost back ends have: a process for as long as the connection to it lasts, the kernel for as long as the device is open.
/// Safe on any thread.
/// </summary>
internal sealed class VhostLoans(Guest guest) : IDisposable
{
    /// <summary>VIRTIO_F_VERSION_1: what a back end of today wants to be asked for.</summary>
    private const ulong VirtioVersion1 = 1UL << 32;

    private readonly Lock _gate = new();
    private readonly List<VhostUserChannel> _channels = [];
    private readonly List<(SafeHandle Device, IReadOnlyList<PublishedBackend> Backends, Borrower Borrower)> _devices = [];
    private bool _closed;

    /// <summary>Hands the table to a vhost-user back end, and keeps the connection.</summary>
    /// <param name="socket">Connected; owned from now on.</param>
    /// <exception cref="VhostUserException">The back end does not take it; it was hung up on.</exception>
    public async Task LendAsync(Socket socket, IReadOnlyList<PublishedBackend> backends, (Borrower Borrower, ProcessFd Process) peer, CancellationToken cancellation)
    {
        var channel = new VhostUserChannel(socket, guest.Clock);
        try
        {
            const ulong wanted = VhostUserChannel.ReplyAck | VhostUserChannel.ConfigureMemSlots;
            await channel.OpenAsync(VirtioVersion1, wanted, cancellation).ConfigureAwait(false);
            await channel.SetMemoryAsync(VhostTable.Make(guest.State, backends), cancellation).ConfigureAwait(false);
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_closed, this);
                _channels.Add(channel);
            }
        }
        catch
        {
            channel.Dispose();
            throw;
        }
        foreach (var published in backends)
            guest.Lending.Ledger.Hold(published.Backend, peer.Borrower, guest.Kernel.OpenProcess(peer.Borrower.Pid));
        _ = UntilHungUpAsync(channel, backends, peer.Borrower);
    }

    /// <summary>Gives a vhost device of the kernel the table. The memory is mapped here for as long as the device is open.</summary>
    /// <param name="device">Stays the caller's, who tells of its end by <see cref="End"/>.</param>
    /// <exception cref="KernelException">The kernel does not take it.</exception>
    public void Lend(SafeHandle device, IReadOnlyList<PublishedBackend> backends)
    {
        var borrower = Self();
        var held = new List<MemoryBackend>();
        try
        {
            foreach (var published in backends)
            {
                published.Backend.Hold();
                held.Add(published.Backend);
            }
            SetOwner(device);
            guest.Kernel.VhostSetMemTable(device, [.. VhostTable.Make(guest.State, backends).Select(region => new vhost_memory_region
            {
                guest_phys_addr = region.Gpa.Value,
                memory_size = region.Size,
                userspace_addr = region.Backend.Memory.Address.Add(region.Offset).Value,
            })]);
        }
        catch
        {
            held.ForEach(backend => backend.Unhold());
            throw;
        }
        lock (_gate)
            _devices.Add((device, backends, borrower));
        foreach (var published in backends)
            guest.Lending.Ledger.Hold(published.Backend, borrower, process: null);
    }

    /// <summary>Whether a device has memory of ours: it takes its whole table at once, and the old one must not be forgotten.</summary>
    public bool Has(SafeHandle device)
    {
        lock (_gate)
            return _devices.Exists(known => known.Device == device);
    }

    /// <summary>A device was closed: the kernel has let go.</summary>
    public void End(SafeHandle device)
    {
        (SafeHandle, IReadOnlyList<PublishedBackend> Backends, Borrower Borrower) ended;
        lock (_gate)
        {
            var index = _devices.FindIndex(known => known.Device == device);
            if (index < 0)
                return;
            ended = _devices[index];
            _devices.RemoveAt(index);
        }
        foreach (var published in ended.Backends)
        {
            guest.Lending.Ledger.Return(published.Backend, ended.Borrower);
            published.Backend.Unhold();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            _channels.ForEach(channel => channel.Dispose());
            _channels.Clear();
        }
    }

    /// <summary>The kernel does the device's work in the name of the process that gave it the table.</summary>
    private Borrower Self()
    {
        try
        {
            var (comm, startTime) = new ProcReader(guest.Kernel, guest.Options.ProcRoot).Identity(Environment.ProcessId);
            return new Borrower(Environment.ProcessId, startTime, comm, MemoryLoanMethod.VhostKernel);
        }
        catch (KernelException)
        {
            // Without /proc the number must do.
            return new Borrower(Environment.ProcessId, 0, "hostmemd", MemoryLoanMethod.VhostKernel);
        }
    }

    /// <summary>Whoever owns it already may be us; if not, the table is refused.</summary>
    private void SetOwner(SafeHandle device)
    {
        try
        {
            guest.Kernel.VhostSetOwner(device);
        }
        catch (KernelException e) when (e.Errno == Errno.EBUSY)
        {
        }
    }

    /// <summary>A back end that hangs up has let go of the memory. One that ended is seen by its end as well, which comes first or second.</summary>
    private async Task UntilHungUpAsync(VhostUserChannel channel, IReadOnlyList<PublishedBackend> backends, Borrower borrower)
    {
        var nothing = new byte[64];
        try
        {
            while (await channel.Socket.ReceiveAsync(nothing).ConfigureAwait(false) > 0)
            {
                // It was not asked anything.
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Hung up, here or there.
        }
        lock (_gate)
            _channels.Remove(channel);
        channel.Dispose();
        if (!_closed && !new ProcReader(guest.Kernel, guest.Options.ProcRoot).IsEnding(borrower.Pid, borrower.StartTime))
            foreach (var published in backends)
                guest.Lending.Ledger.Return(published.Backend, borrower);
    }
}
