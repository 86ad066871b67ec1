using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Commands;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;
using Hostmemd.Usage;

namespace Hostmemd.Lending;

/// <summary>
/// What is written down of loans: who has got which memory, and who has given it back or ended with it. An entry is
/// <see cref="PublishedBackend.Loan"/>, published as everything else. Safe on any thread.
/// </summary>
/// <param name="watch">Told of each borrower; it tells <see cref="Ended"/>.</param>
internal sealed class Ledger(Guest guest, Func<LoanWatch> watch)
{
    /// <summary>Writes down that a process has got the memory.</summary>
    /// <param name="process">Owned from now on; null: it is this one.</param>
    public void Hold(MemoryBackend backend, Borrower borrower, ProcessFd? process)
    {
        Change(backend, loan => loan.With(borrower) with { IsOnItsWay = false }, () => borrower.Pid);
        if (process is not null)
            Watch(borrower, process);
        backend.Lend();
    }

    /// <summary>Strikes out what a process has given back.</summary>
    public void Return(MemoryBackend backend, Borrower borrower) => Change(backend, loan => loan.Without(borrower), () => borrower.Pid);

    /// <summary>Takes a backend for a VMM, before anything is handed over.</summary>
    /// <exception cref="QmpException">Another VMM has it.</exception>
    public void Begin(MemoryBackend backend) => Change(
        backend,
        loan =>
        {
            if (loan.IsOnItsWay)
                throw LendErrors.OnItsWay(backend.Id);
            if (loan.IsHeldUnseen || loan.Borrowers.Any(borrower => borrower.IsVmm))
                throw LendErrors.HeldBy(backend.Id, Names(loan));
            return loan with { IsOnItsWay = true };
        },
        pid: () => null);

    /// <summary>Nothing came of it.</summary>
    public void Abandon(MemoryBackend backend) => Change(backend, loan => loan with { IsOnItsWay = false }, pid: () => null);

    /// <summary>The process at the other end of a socket; null: it has ended.</summary>
    public (Borrower Borrower, ProcessFd Process)? PeerOf(SafeHandle socket, MemoryLoanMethod method)
    {
        ProcessFd? process = null;
        try
        {
            process = guest.Kernel.PeerOf(socket);
            var (comm, startTime) = Proc().Identity(process.Pid);
            return (new Borrower(process.Pid, startTime, comm, method), process);
        }
        catch (KernelException)
        {
            process?.Dispose();
            return null;
        }
    }

    /// <summary>The borrowers by the names they have now, for a message.</summary>
    public string Names(Loan loan) => loan.Borrowers.IsEmpty
        ? "a process that cannot be seen"
        : string.Join(", ", loan.Borrowers.DistinctBy(borrower => (borrower.Pid, borrower.StartTime)).Select(borrower => $"{NameOf(borrower)} (pid {borrower.Pid})"));

    /// <summary>The name a borrower has now.</summary>
    public string NameOf(Borrower borrower)
    {
        try
        {
            var (comm, startTime) = Proc().Identity(borrower.Pid);
            return startTime == borrower.StartTime ? comm : borrower.Comm;
        }
        catch (KernelException)
        {
            return borrower.Comm;
        }
    }

    /// <summary>A process has ended: what it had of memory is lost to it.</summary>
    public void Ended(Borrower borrower)
    {
        var state = guest.State;
        foreach (var backend in state.Backends.Values.Select(published => (published.Backend, published.Loan))
            .Concat(state.ForgottenLoans.Select(forgotten => (forgotten.Backend, forgotten.Loan)))
            .Where(entry => entry.Loan.Borrowers.Any(borrower.IsSameProcess)).Select(entry => entry.Backend))
        {
            guest.Log.Information(
                "Memory backend {Id}: {Comm} (pid {Pid}) has ended without giving it back", backend.Id, borrower.Comm, borrower.Pid);
            Change(backend, loan => loan.AfterEndOf(borrower), () => borrower.Pid);
        }
    }

    /// <summary>Goes on watching a borrower that a daemon before this one wrote down.</summary>
    public void Resume(Borrower borrower)
    {
        try
        {
            Watch(borrower, guest.Kernel.OpenProcess(borrower.Pid));
        }
        catch (KernelException)
        {
            // It has ended since.
            Ended(borrower);
        }
    }

    /// <summary>Writes down who was seen to have a backend's file open.</summary>
    /// <param name="unseen">Somebody has opened it who is perhaps not among them; null: as before.</param>
    public void Write(ProcReader proc, MemoryBackend backend, IReadOnlyCollection<Borrower> openers, bool? unseen)
    {
        var before = LoanOf(backend);
        // Of a thousand backends nearly all are nobody's, and stay so.
        if (openers.Count == 0 && before.Borrowers.IsEmpty && (unseen ?? before.IsHeldUnseen) == before.IsHeldUnseen)
            return;
        // Who ends closes it too, and gives nothing back by that.
        var ending = before.Borrowers.Where(known => !openers.Any(known.IsSameProcess) && proc.IsEnding(known.Pid, known.StartTime)).ToList();
        List<Borrower> come = [];
        List<Borrower> gone = [];
        Change(
            backend,
            loan =>
            {
                var next = loan.WithOpeners([.. openers, .. ending], unseen ?? loan.IsHeldUnseen);
                come = [.. next.Borrowers.Except(loan.Borrowers)];
                gone = [.. loan.Borrowers.Except(next.Borrowers)];
                return next;
            },
            () => (come.FirstOrDefault() ?? gone.FirstOrDefault())?.Pid);
        foreach (var borrower in come)
        {
            backend.Lend();
            try
            {
                Watch(borrower, guest.Kernel.OpenProcess(borrower.Pid));
            }
            catch (KernelException)
            {
                // It has ended since.
                Ended(borrower);
            }
        }
    }

    private Loan LoanOf(MemoryBackend backend)
    {
        var state = guest.State;
        return state.Backends.TryGetValue(backend.Id, out var current) && current.Backend == backend
            ? current.Loan
            : state.ForgottenLoans.FirstOrDefault(forgotten => forgotten.Backend == backend)?.Loan ?? Loan.None;
    }

    private void Watch(Borrower borrower, ProcessFd process)
    {
        try
        {
            watch().Add(borrower, process);
        }
        catch (KernelException e)
        {
            guest.Log.Error("The end of {Comm} (pid {Pid}) will not be seen: {Error}", borrower.Comm, borrower.Pid, e.Message);
        }
    }

    private ProcReader Proc() => new(guest.Kernel, guest.Options.ProcRoot);

    /// <summary>Writes into the ledger and tells of it. A backend that is gone, and forgotten, has no entry.</summary>
    private void Change(MemoryBackend backend, Func<Loan, Loan> step, Func<int?> pid)
    {
        var (before, written) = (Loan.None, Loan.None);
        guest.Change(
            state =>
            {
                if (state.Backends.TryGetValue(backend.Id, out var current) && current.Backend == backend)
                {
                    (before, written) = (current.Loan, step(current.Loan));
                    return ReferenceEquals(written, current.Loan)
                        ? null
                        : state with { Backends = state.Backends.SetItem(backend.Id, current with { Loan = written }) };
                }
                if (state.ForgottenLoans.FirstOrDefault(forgotten => forgotten.Backend == backend) is not { } known)
                    return null;
                (before, written) = (known.Loan, step(known.Loan));
                return ReferenceEquals(written, known.Loan) ? null : state with
                {
                    ForgottenLoans = written.State == MemoryLoanState.Held
                        ? state.ForgottenLoans.Replace(known, known with { Loan = written })
                        : state.ForgottenLoans.Remove(known),
                };
            },
            next => pid() is null && written.State == before.State
                ? []
                : [Events.MemoryLoanChange(backend, written.State, pid(), next.Generation, guest.Clock)],
            kept: backend.Id);
    }
}
