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

/// <summary>Memory that other processes use.</summary>
internal static class LendingCommands
{
    /// <summary>A VMM that waits reads at once; one that does not in this time is not one.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static async ValueTask<List<MemoryLoanInfo>> QueryAsync(Client client, QueryMemoryLoansArguments arguments)
    {
        var guest = client.Guest;
        await guest.Lending.SettleAsync().ConfigureAwait(false);
        var before = guest.State;
        var (living, forgotten) = Asked(guest, before, arguments.Memdev);
        List<MemoryBackend> asked = [.. living.Select(published => published.Backend), .. forgotten.Select(entry => entry.Backend)];
        IReadOnlyDictionary<MemoryBackend, List<MemoryHolder>> holders = new Dictionary<MemoryBackend, List<MemoryHolder>>();
        try
        {
            holders = await guest.Accounting.ScanAsync(guest.SlowWork, () => guest.Lending.Look(asked)).ConfigureAwait(false);
        }
        catch (KernelException e)
        {
            // What is found is shown beside the ledger, which stands without it.
            guest.Log.Warning("Who has opened memory cannot be found out: {Error}", e.Message);
        }
        var state = client.Pin();
        return
        [
            .. state.Backends.Values.Where(now => living.Any(published => published.Backend == now.Backend))
                .Select(published => Describe(guest, state, published, holders.GetValueOrDefault(published.Backend))),
            .. state.ForgottenLoans.Where(now => forgotten.Any(entry => entry.Backend == now.Backend))
                .Select(entry => Describe(guest, state, entry, holders.GetValueOrDefault(entry.Backend))),
        ];
    }

    public static async ValueTask<Nothing> ForgetAsync(Client client, MemoryBackendForgetArguments arguments)
    {
        var published = BackendLookup.Find(client.Guest, client.Guest.State, arguments.Memdev);
        await ObjectCommands.DeleteBackendAsync(client.Guest, published, evenIfLent: true).ConfigureAwait(false);
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

    private static (List<PublishedBackend> Living, List<ForgottenLoan> Forgotten) Asked(Guest guest, GuestState state, string? memdev)
    {
        if (memdev is null)
            return ([.. state.Backends.Values], [.. state.ForgottenLoans]);
        List<ForgottenLoan> forgotten = [.. state.ForgottenLoans.Where(entry => entry.Backend.Id == memdev || entry.Backend.QomPath == memdev)];
        try
        {
            return ([BackendLookup.Find(guest, state, memdev)], forgotten);
        }
        catch (QmpException) when (forgotten.Count > 0)
        {
            return ([], forgotten);
        }
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
                if (LoanWays.WhyNot(published, arguments.Method, FileSize(guest, published)) is { } reason)
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
                guest.Lending.Begin(published.Backend);
                begun.Add(published.Backend);
            }
            using var socket = await LendSocket.ConnectAsync(path, limit.Token).ConfigureAwait(false);
            var peer = guest.Lending.PeerOf(socket.SafeHandle, MemoryLoanMethod.Cpr) ?? throw LendErrors.Unreachable(path, "who waits there has ended");
            using (peer.Process)
            {
                await CprChannel.SendAsync(
                    socket, backends.Select(published => (published.Backend.Id, published.Backend.File!.Handle)), guest.Clock, limit.Token).ConfigureAwait(false);
                foreach (var backend in begun.ToArray())
                {
                    guest.Lending.Hold(backend, peer.Borrower, guest.Kernel.OpenProcess(peer.Borrower.Pid));
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
                guest.Lending.Abandon(backend);
        }
    }

    private static async Task LendByVhostUserAsync(Guest guest, List<PublishedBackend> backends, string path)
    {
        using var limit = new CancellationTokenSource(Patience, guest.Clock);
        try
        {
            var socket = await LendSocket.ConnectAsync(path, limit.Token).ConfigureAwait(false);
            if (guest.Lending.PeerOf(socket.SafeHandle, MemoryLoanMethod.VhostUser) is not { } peer)
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

    private static MemoryLoanInfo Describe(Guest guest, GuestState state, PublishedBackend published, List<MemoryHolder>? holders)
    {
        var loan = published.Loan;
        var heldBy = loan.State == MemoryLoanState.Held && (loan.IsHeldUnseen || loan.Borrowers.Any(borrower => borrower.IsVmm))
            ? guest.Lending.Names(loan)
            : null;
        return new MemoryLoanInfo
        {
            Memdev = published.Backend.QomPath,
            Generation = state.Generation,
            Size = published.Backend.Memory.Size,
            Offset = published.Backend.File?.Offset ?? 0,
            State = loan.State,
            Ways = LoanWays.Of(published, heldBy, FileSize(guest, published)),
            Borrowers = Borrowers(guest, loan, holders),
        };
    }

    private static MemoryLoanInfo Describe(Guest guest, GuestState state, ForgottenLoan forgotten, List<MemoryHolder>? holders) => new()
    {
        Memdev = forgotten.Backend.QomPath,
        Generation = state.Generation,
        Size = forgotten.Size,
        Offset = forgotten.Offset,
        State = forgotten.Loan.State,
        Ways = [.. Enum.GetValues<MemoryLoanMethod>().Select(method => new MemoryLoanWay { Method = method, Reason = "the backend was forgotten here" })],
        Borrowers = Borrowers(guest, forgotten.Loan, holders),
    };

    /// <summary>First those in the ledger, then others that were found.</summary>
    private static List<MemoryHolder> Borrowers(Guest guest, Loan loan, List<MemoryHolder>? found)
    {
        List<MemoryHolder> others = [.. found ?? []];
        var listed = new List<MemoryHolder>();
        foreach (var borrower in loan.Borrowers.DistinctBy(borrower => (borrower.Pid, borrower.StartTime)))
        {
            var seen = others.Find(holder => (holder.Pid, holder.StartTime) == (borrower.Pid, borrower.StartTime));
            if (seen is not null)
                others.Remove(seen);
            listed.Add(seen ?? new MemoryHolder
            {
                Pid = borrower.Pid,
                StartTime = borrower.StartTime,
                Comm = guest.Lending.NameOf(borrower),
                Self = borrower.Pid == Environment.ProcessId,
            });
        }
        return [.. listed, .. others];
    }

    /// <summary>null: it has none, or cannot be asked.</summary>
    private static ulong? FileSize(Guest guest, PublishedBackend published)
    {
        try
        {
            return published.Backend.File is { Handle: var file } ? guest.Kernel.Fstat(file).Size : null;
        }
        catch (Exception e) when (e is KernelException or ObjectDisposedException)
        {
            return null;
        }
    }
}
