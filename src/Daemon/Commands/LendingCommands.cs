using System.Net.Sockets;
using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Lending;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>Lending memory to other processes.</summary>
internal static class LendingCommands
{
    /// <summary>A VMM that waits reads at once; one that does not in this time is not one.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static async ValueTask<Nothing> ForgetAsync(Client client, MemoryBackendForgetArguments arguments)
    {
        var published = BackendLookup.Find(client.Guest, client.Guest.State, arguments.Memdev);
        await ObjectCommands.DeleteBackendAsync(client.Guest, client.Work, published, evenIfLent: true).ConfigureAwait(false);
        return Nothing.Value;
    }

    public static async ValueTask<Nothing> LendAsync(Client client, MemoryLend arguments)
    {
        var guest = client.Guest;
        var backends = Take(guest, arguments);
        try
        {
            switch (arguments.Method)
            {
                case MemoryLendMethod.Cpr:
                    await LendByCprAsync(guest, backends, arguments.Cpr.Path).ConfigureAwait(false);
                    break;
                case MemoryLendMethod.VhostUser:
                    await LendByVhostUserAsync(guest, backends, arguments.VhostUser.Path).ConfigureAwait(false);
                    break;
                case MemoryLendMethod.VhostKernel:
                    LendByVhostKernel(guest, backends, arguments.VhostKernel.FdName);
                    break;
            }
        }
        finally
        {
            foreach (var published in backends)
                published.Backend.EndOpen();
        }
        return Nothing.Value;
    }

    /// <summary>The backends of a memory-lend, their files kept open until the end; all of them can go.</summary>
    private static List<PublishedBackend> Take(Guest guest, MemoryLend arguments)
    {
        var state = guest.State;
        if (arguments.Memdevs.Count == 0)
            throw LendErrors.NoMemdevs();
        var way = MemoryLend.Methods.NameOf(arguments.Method);
        var taken = new List<PublishedBackend>();
        try
        {
            foreach (var memdev in arguments.Memdevs)
            {
                var published = BackendLookup.Find(guest, state, memdev);
                if (taken.Any(known => known.Backend == published.Backend))
                    throw LendErrors.Twice(published.Backend.Id);
                published.Backend.BeginOpen();
                taken.Add(published);
                if (LoanWays.WhyNot(published, arguments.Method, LoanWays.FileSize(guest.Kernel, published)) is { } reason)
                    throw LendErrors.Closed(published.Backend.Id, way, reason);
            }
            return taken;
        }
        catch
        {
            foreach (var published in taken)
                published.Backend.EndOpen();
            throw;
        }
    }

    private static async Task LendByCprAsync(Guest guest, List<PublishedBackend> backends, string path)
    {
        await guest.Lending.SettleAsync().ConfigureAwait(false);
        var begun = new List<MemoryBackend>();
        using var limit = new CancellationTokenSource(Patience, guest.Clock);
        try
        {
            foreach (var published in backends)
            {
                guest.Lending.Ledger.Begin(published.Backend);
                begun.Add(published.Backend);
            }
            using var socket = await LendSocket.ConnectAsync(path, limit.Token).ConfigureAwait(false);
            var peer = guest.Lending.Ledger.PeerOf(socket.SafeHandle, MemoryLoanMethod.Cpr) ?? throw LendErrors.Unreachable(path, "who waits there has ended");
            using (peer.Process)
            {
                await CprChannel.SendAsync(
                    socket, backends.Select(published => (published.Backend.Id, published.Backend.File!.Handle)), guest.Clock, limit.Token).ConfigureAwait(false);
                foreach (var backend in begun.ToArray())
                {
                    guest.Lending.Ledger.Hold(backend, peer.Borrower, guest.Kernel.OpenProcess(peer.Borrower.Pid));
                    begun.Remove(backend);
                }
            }
        }
        catch (OperationCanceledException)
        {
            throw LendErrors.Broken(path, $"not taken within {Patience.TotalSeconds} seconds");
        }
        catch (Exception e) when (e is KernelException or SocketException)
        {
            throw LendErrors.Broken(path, e is KernelException kernel ? Errno.Text(kernel.Errno) : e.Message);
        }
        finally
        {
            foreach (var backend in begun)
                guest.Lending.Ledger.Abandon(backend);
        }
    }

    private static async Task LendByVhostUserAsync(Guest guest, List<PublishedBackend> backends, string path)
    {
        using var limit = new CancellationTokenSource(Patience, guest.Clock);
        try
        {
            var socket = await LendSocket.ConnectAsync(path, limit.Token).ConfigureAwait(false);
            if (guest.Lending.Ledger.PeerOf(socket.SafeHandle, MemoryLoanMethod.VhostUser) is not { } peer)
            {
                socket.Dispose();
                throw LendErrors.Unreachable(path, "who waits there has ended");
            }
            using (peer.Process)
                await guest.Lending.Vhost.LendAsync(socket, backends, peer, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw LendErrors.Broken(path, $"not taken within {Patience.TotalSeconds} seconds");
        }
        catch (Exception e) when (e is KernelException or SocketException or VhostUserException or OverflowException)
        {
            throw LendErrors.Broken(path, e is KernelException kernel ? Errno.Text(kernel.Errno) : e.Message);
        }
    }

    private static void LendByVhostKernel(Guest guest, List<PublishedBackend> backends, string name)
    {
        var device = guest.Descriptors.Find(name) ?? throw new QmpException($"File descriptor named '{name}' not found");
        if (guest.Lending.Vhost.Has(device))
            throw new QmpException($"File descriptor '{name}' has memory already, give all of it at once to a new one");
        try
        {
            guest.Lending.Vhost.Lend(device, backends);
        }
        catch (KernelException e)
        {
            throw LendErrors.Failed(e);
        }
    }
}
