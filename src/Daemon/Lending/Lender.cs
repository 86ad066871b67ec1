using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Commands;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Populate;
using Hostmemd.Protocol.Errors;
using Hostmemd.Usage;

namespace Hostmemd.Lending;

/// <summary>
/// The guest's ledger: writes down what is handed out and to whom, and strikes it out when a borrower gives it back or ends. What is
/// written there is <see cref="PublishedBackend.Loan"/>, published as everything else. Safe on any thread.
/// </summary>
internal sealed class Lender : IDisposable
{
    private readonly Guest _guest;
    private readonly LoanWatch _watch;
    private Keeper? _keeper;

    public Lender(Guest guest)
    {
        _guest = guest;
        _watch = new LoanWatch(guest.Kernel, guest.Log, Ended, Refresh);
        Vhost = new VhostLoans(guest);
    }

    /// <summary>Starts what lending to another user needs.</summary>
    /// <exception cref="QmpException">It cannot be had.</exception>
    public async Task StartAsync()
    {
        if (_guest.Options.LendDirectory is not { Owner: { } user } directory)
            return;
        var (ourUser, ourGroup) = _guest.Kernel.GetIdentity();
        var group = directory.Group ?? ourGroup;
        if ((user, group) == (ourUser, ourGroup))
            return;
        try
        {
            _keeper = await _guest.SlowWork.RunAsync(
                () => Keeper.Start(_guest.Kernel, _guest.Options.PopulateProgram ?? HelperProgram.Find(), user, group)).ConfigureAwait(false);
        }
        catch (KernelException e)
        {
            throw new QmpException($"-lend-dir {directory.Path}: memory cannot be lent to user {user} and group {group}: {e.Message}");
        }
    }

    /// <summary>What vhost back ends have.</summary>
    public VhostLoans Vhost { get; }

    /// <summary>Makes a new backend's file known to others as far as it may be, and looks after who opens it.</summary>
    public PublishedBackend Offer(PublishedBackend added)
    {
        var backend = added.Backend;
        if (backend.File is not { IsShared: true } || backend.IsGuestMemfd)
            return added;
        try
        {
            var isNameless = LoanWays.FilePath(added) is null;
            var directory = _guest.Options.LendDirectory;
            if (isNameless)
                _guest.Kernel.Fchmod(backend.File.Handle, directory?.Mode ?? LendDirectory.PrivateMode);
            if (isNameless && directory is not null && (directory.Owner ?? directory.Group) is not null)
                _guest.Kernel.Fchown(backend.File.Handle, directory.Owner ?? uint.MaxValue, directory.Group ?? uint.MaxValue);
            _watch.Add(backend);
            return directory is null ? added : added with { Loan = AddEntry(directory, added, isNameless) };
        }
        catch (KernelException e)
        {
            _guest.Log.Warning("Memory backend {Id} can be opened by nobody: {Error}", backend.Id, e.Message);
            return added with { Loan = Loan.None with { PathRefusal = $"{e.Call}: {Errno.Text(e.Errno)}" } };
        }
    }

    /// <summary>Takes back what <see cref="Offer"/> did, before the memory goes.</summary>
    public void Withdraw(PublishedBackend published)
    {
        RemoveEntry(published);
        try
        {
            _watch.Remove(published.Backend);
        }
        catch (KernelException e)
        {
            _guest.Log.Error("Memory backend {Id} is still watched, which keeps its pages: {Error}", published.Backend.Id, e.Message);
        }
    }

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

    /// <summary>Completes when the ledger knows of everybody who has opened or closed a backend's file by now.</summary>
    public Task SettleAsync() => _watch.SettleAsync();

    /// <summary>The process at the other end of a socket; null: it has ended.</summary>
    public (Borrower Borrower, ProcessFd Process)? PeerOf(SafeHandle socket, MemoryLoanMethod method)
    {
        ProcessFd? process = null;
        try
        {
            process = _guest.Kernel.PeerOf(socket);
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

    /// <summary>The daemon ends: borrowers go on, and the log says with what.</summary>
    public void Dispose()
    {
        Vhost.Dispose();
        _watch.Dispose();
        foreach (var published in _guest.State.Backends.Values)
        {
            if (published.Loan.State == MemoryLoanState.Held)
                _guest.Log.Warning("Memory backend {Id} stays with {Borrowers}", published.Backend.Id, Names(published.Loan));
            RemoveEntry(published);
        }
        _keeper?.Dispose();
    }

    private Loan AddEntry(LendDirectory directory, PublishedBackend added, bool isNameless)
    {
        var target = isNameless && _keeper is not null ? _keeper.Keep(added.Backend.File!.Handle) : LoanWays.Target(added);
        try
        {
            return Loan.None with { Entry = directory.Add(_guest.Kernel, added.Backend.Id, target), EntryTarget = target };
        }
        catch (KernelException) when (isNameless)
        {
            _keeper?.Release(target);
            throw;
        }
    }

    private void RemoveEntry(PublishedBackend published)
    {
        if (published.Loan is not { Entry: { } entry, EntryTarget: { } target })
            return;
        LendDirectory.Remove(_guest.Kernel, entry, target);
        try
        {
            if (LoanWays.FilePath(published) is null)
                _keeper?.Release(target);
        }
        catch (KernelException e)
        {
            _guest.Log.Error("The keeper of lent memory is gone: {Error}", e.Message);
        }
    }

    /// <summary>
    /// Looks through all processes for those that have the files of backends, living and forgotten, and corrects the ledger. May take long.
    /// </summary>
    /// <returns>Who has each of them, but for this process.</returns>
    public IReadOnlyDictionary<MemoryBackend, List<MemoryHolder>> Look(IEnumerable<MemoryBackend> backends) =>
        Look(backends.ToDictionary(backend => backend, _ => (bool?)null));

    private void Refresh(IReadOnlyDictionary<MemoryBackend, bool> touched)
    {
        try
        {
            Look(touched.ToDictionary(entry => entry.Key, entry => (bool?)entry.Value));
        }
        catch (KernelException e)
        {
            _guest.Log.Error("Who has opened memory cannot be found out: {Error}", e.Message);
        }
    }

    /// <param name="touched">With each: whether it was opened last, or closed; null: not known.</param>
    private Dictionary<MemoryBackend, List<MemoryHolder>> Look(Dictionary<MemoryBackend, bool?> touched)
    {
        var proc = Proc();
        var files = new Dictionary<MemoryBackend, MemoryFile>();
        foreach (var backend in touched.Keys)
            if (FileOf(backend) is { } file)
                files.Add(backend, file);
        var (found, complete) = HolderScan.Run(proc, Environment.ProcessId, files.Values);
        var holders = new Dictionary<MemoryBackend, List<MemoryHolder>>();
        foreach (var (backend, file) in files)
        {
            var all = found[(file.Device, file.Inode)];
            // A process of ours is no borrower: it populates.
            List<MemoryHolder> others = [.. all.Holders.Where(holder => !holder.Self && !IsOurs(proc, (int)holder.Pid))];
            holders.Add(backend, [.. others.Where(holder => HasPart(backend, all, holder))]);
            if (backend.File is not { IsShared: true } || backend.IsGuestMemfd)
                continue;
            var unseen = complete || others.Count > 0 ? false : touched[backend];
            Write(proc, backend, [.. holders[backend].Select(Opener)], unseen);
        }
        return holders;
    }

    private static Borrower Opener(MemoryHolder holder) => new((int)holder.Pid, holder.StartTime, holder.Comm, MemoryLoanMethod.Path);

    /// <param name="unseen">Somebody has opened it who is perhaps not among them; null: as before.</param>
    private void Write(ProcReader proc, MemoryBackend backend, List<Borrower> openers, bool? unseen)
    {
        // Who ends closes it too, and gives nothing back by that.
        var ending = LoanOf(backend).Borrowers.Where(known => !openers.Any(known.IsSameProcess) && proc.IsEnding(known.Pid, known.StartTime)).ToList();
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
                Watch(borrower, _guest.Kernel.OpenProcess(borrower.Pid));
            }
            catch (KernelException)
            {
                // It has ended since.
                Ended(borrower);
            }
        }
    }

    /// <summary>It has mapped the backend's part of the file, or has the file open and mapped nothing of it yet.</summary>
    private static bool HasPart(MemoryBackend backend, FileHolders file, MemoryHolder holder)
    {
        var (from, to) = (backend.File!.Offset, backend.File.Offset + backend.Memory.Size);
        var mapped = file.Mapped.Where(mapping => mapping.Pid == holder.Pid);
        return !mapped.Any() || mapped.Any(mapping => mapping.From < to && from < mapping.To);
    }

    private static bool IsOurs(ProcReader proc, int pid)
    {
        try
        {
            // Helpers are started from /proc/self/exe, which names them so.
            return proc.Parent(pid) == Environment.ProcessId
                && (proc.Identity(pid).Comm is "exe" || proc.Identity(pid).Comm == proc.Identity(Environment.ProcessId).Comm);
        }
        catch (KernelException)
        {
            return false;
        }
    }

    /// <summary>null: private anonymous memory, or gone and forgotten.</summary>
    private MemoryFile? FileOf(MemoryBackend backend)
    {
        if (_guest.State.ForgottenLoans.FirstOrDefault(forgotten => forgotten.Backend == backend) is { } known)
            return known.File;
        try
        {
            return backend.File is null ? null : MemoryFile.Of(_guest.Kernel, backend.File.Handle);
        }
        catch (Exception e) when (e is KernelException or ObjectDisposedException)
        {
            return null;
        }
    }

    private Loan LoanOf(MemoryBackend backend)
    {
        var state = _guest.State;
        return state.Backends.TryGetValue(backend.Id, out var current) && current.Backend == backend
            ? current.Loan
            : state.ForgottenLoans.FirstOrDefault(forgotten => forgotten.Backend == backend)?.Loan ?? Loan.None;
    }

    private void Watch(Borrower borrower, ProcessFd process)
    {
        try
        {
            _watch.Add(borrower, process);
        }
        catch (KernelException e)
        {
            _guest.Log.Error("The end of {Comm} (pid {Pid}) will not be seen: {Error}", borrower.Comm, borrower.Pid, e.Message);
        }
    }

    private void Ended(Borrower borrower)
    {
        var state = _guest.State;
        foreach (var backend in state.Backends.Values.Select(published => (published.Backend, published.Loan))
            .Concat(state.ForgottenLoans.Select(forgotten => (forgotten.Backend, forgotten.Loan)))
            .Where(entry => entry.Loan.Borrowers.Any(borrower.IsSameProcess)).Select(entry => entry.Backend))
        {
            _guest.Log.Information(
                "Memory backend {Id}: {Comm} (pid {Pid}) has ended without giving it back", backend.Id, borrower.Comm, borrower.Pid);
            Change(backend, loan => loan.AfterEndOf(borrower), () => borrower.Pid);
        }
    }

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

    private ProcReader Proc() => new(_guest.Kernel, _guest.Options.ProcRoot);

    /// <summary>Writes into the ledger and tells of it. A backend that is gone, and forgotten, has no entry.</summary>
    private void Change(MemoryBackend backend, Func<Loan, Loan> step, Func<int?> pid)
    {
        var (before, written) = (Loan.None, Loan.None);
        _guest.Change(
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
                : [Events.MemoryLoanChange(backend, written.State, pid(), next.Generation, _guest.Clock)]);
    }
}
