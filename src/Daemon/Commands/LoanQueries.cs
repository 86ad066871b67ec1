using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Lending;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>What is lent, and how the rest could be.</summary>
internal static class LoanQueries
{
    public static async ValueTask<List<MemoryLoanInfo>> QueryAsync(Client client, QueryMemoryLoansArguments arguments)
    {
        var guest = client.Guest;
        await guest.Lending.SettleAsync().ConfigureAwait(false);
        var before = guest.State;
        var (living, forgotten) = Asked(guest, before, arguments.Memdev);
        var refusals = living.ToDictionary(published => published.Backend, guest.Lending.Paths.Watch);
        List<MemoryBackend> asked = [.. living.Select(published => published.Backend), .. forgotten.Select(entry => entry.Backend)];
        IReadOnlyDictionary<MemoryBackend, List<MemoryHolder>> holders = new Dictionary<MemoryBackend, List<MemoryHolder>>();
        try
        {
            holders = await guest.Accounting.ScanAsync(guest.SlowWork, client.Work, () => guest.Lending.Openers.Look(asked)).ConfigureAwait(false);
        }
        catch (KernelException e)
        {
            // What is found is shown beside the ledger, which stands without it.
            guest.Log.Warning("Who has opened memory cannot be found out: {Error}", e.Message);
        }
        var state = client.Pin();
        return
        [
            .. state.Backends.Values.Where(now => refusals.ContainsKey(now.Backend))
                .Select(published => Describe(guest, state, Refused(published, refusals[published.Backend]), holders.GetValueOrDefault(published.Backend))),
            .. state.ForgottenLoans.Where(now => forgotten.Any(entry => entry.Backend == now.Backend))
                .Select(entry => Describe(guest, state, entry, holders.GetValueOrDefault(entry.Backend))),
        ];
    }

    private static PublishedBackend Refused(PublishedBackend published, string? pathRefusal) =>
        pathRefusal is null ? published : published with { Loan = published.Loan with { PathRefusal = pathRefusal } };

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

    private static MemoryLoanInfo Describe(Guest guest, GuestState state, PublishedBackend published, List<MemoryHolder>? holders)
    {
        var loan = published.Loan;
        var heldBy = loan.State == MemoryLoanState.Held && (loan.IsHeldUnseen || loan.Borrowers.Any(borrower => borrower.IsVmm))
            ? guest.Lending.Ledger.Names(loan)
            : null;
        return new MemoryLoanInfo
        {
            Memdev = published.Backend.QomPath,
            Generation = state.Generation,
            Size = published.Backend.Memory.Size,
            Offset = published.Backend.File?.Offset ?? 0,
            State = loan.State,
            Ways = LoanWays.Of(published, heldBy, LoanWays.FileSize(guest.Kernel, published)),
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
        if (loan.Borrowers.IsEmpty)
            return found ?? [];
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
                Comm = guest.Lending.Ledger.NameOf(borrower),
                Self = borrower.Pid == Environment.ProcessId,
            });
        }
        return [.. listed, .. others];
    }
}
