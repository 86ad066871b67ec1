using Hostmemd.Api;
using Hostmemd.Devices;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Lending;
using Hostmemd.Objects;
using Hostmemd.Objects.Threads;
using Hostmemd.Protocol.Errors;
using Hostmemd.Usage;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Keeping;

/// <summary>
/// Serves again what a daemon of the same name had that was killed: the same objects, ids, properties, loans, DIMMs at their addresses. All
/// of it, or the start fails and what was kept is kept on.
/// </summary>
/// <param name="handed">Descriptors that the program before this one in the same process has left, by id; null: it was another process.</param>
internal sealed class Successor(Guest guest, RecordContent left, Dictionary<string, SafeFileHandle>? handed = null)
{
    private readonly IReadOnlyList<KeptObject> _objects = left.Objects;
    private readonly List<LostBackend> _lost = [];
    private readonly List<(MemoryBackend Backend, KeptObject Kept)> _restored = [];

    /// <summary>Takes over what is there, and then has the guest written down anew. With nothing there it does nothing but the latter.</summary>
    /// <param name="adopted">Descriptors of other processes that the user named.</param>
    /// <exception cref="KeepException">Something cannot be had as it was.</exception>
    public async Task TakeOverAsync(IReadOnlyList<(int Pid, int Number)> adopted)
    {
        var options = guest.Options.Keep;
        RollBack();
        if (_objects.Count == 0 && adopted.Count == 0 && options?.Store is null && !File.Exists(options?.Paths.Keeper))
        {
            await guest.Kept.BeginAsync(null, []).ConfigureAwait(false);
            return;
        }
        var (keeper, files) = options is null ? (null, []) : await FindAsync(options).ConfigureAwait(false);
        try
        {
            TakeHanded(files);
            if (handed is not null)
                keeper?.Resume(handed.Keys);
            if (files.Count > 0 || _objects.Count > 0)
                guest.Kept.Inherit();
            foreach (var (pid, number) in adopted)
                Adopt(files, pid, number);
            foreach (var kept in _objects.Where(kept => kept.Options.Backend is null))
                await RestoreThreadAsync(kept).ConfigureAwait(false);
            foreach (var kept in _objects.Where(kept => kept.Options.Backend is not null))
                await RestoreAsync(kept, files).ConfigureAwait(false);
        }
        catch
        {
            keeper?.Detach();
            throw;
        }
        finally
        {
            foreach (var file in files.Values)
                file.Dispose();
        }
        await guest.Kept.BeginAsync(keeper, _lost).ConfigureAwait(false);
        // Nothing says what it is: its command was never answered.
        foreach (var name in files.Keys)
        {
            guest.Log.Warning("What is kept as {Id} is in no record, it goes", name);
            await keeper!.ReleaseAsync(name, untilClosed: true).ConfigureAwait(false);
        }
        if (_objects.Count > 0)
            Tell();
        await ResumeLoansAsync().ConfigureAwait(false);
        // Where the keeper is gone, or has not got what was adopted.
        foreach (var (backend, _) in _restored)
            if (keeper is null || adopted.Count > 0)
                await guest.Kept.StoreAsync(guest.State.Backends[backend.Id]).ConfigureAwait(false);
    }

    /// <summary>Removes files that were made for objects which never came to be, where they are still those.</summary>
    private void RollBack()
    {
        foreach (var intent in left.Intents)
        {
            try
            {
                using (var file = guest.Kernel.Open(intent.Path, OpenFlags.PathOnly | OpenFlags.NoFollow, 0))
                    if (guest.Kernel.Fstat(file) is var status && (status.Device, status.Inode) != (intent.Device, intent.Inode))
                        continue;
                guest.Kernel.Unlink(intent.Path);
                guest.Log.Information("{Path} was made for an object that never came to be, it is removed", intent.Path);
            }
            catch (KernelException)
            {
                // ENOENT: it is gone already.
            }
        }
    }

    /// <summary>What was left is the same as what somebody keeps, and is there though nobody keeps it.</summary>
    private void TakeHanded(Dictionary<string, SafeFileHandle> files)
    {
        foreach (var (id, file) in handed ?? [])
        {
            if (files.Remove(id, out var kept))
                kept.Dispose();
            files.Add(id, file);
        }
    }

    /// <summary>Who keeps for this name, and what.</summary>
    private async Task<(Keeper? Keeper, Dictionary<string, SafeFileHandle> Files)> FindAsync(KeepOptions options)
    {
        if (options.Store is { } store)
            return (store, store.Found);
        if (!File.Exists(options.Paths.Keeper))
            return (null, []);
        return await KeeperProcess.FindAsync(guest.Kernel, options.Paths, (handed ?? []).Keys).ConfigureAwait(false) is var (keeper, kept)
            ? (keeper, kept)
            : (null, []);
    }

    private void Adopt(Dictionary<string, SafeFileHandle> files, int pid, int number)
    {
        try
        {
            using var process = guest.Kernel.OpenProcess(pid);
            var file = guest.Kernel.TakeDescriptor(process, number);
            var status = guest.Kernel.Fstat(file);
            var kept = _objects.FirstOrDefault(kept => kept.File is { } known && (known.Device, known.Inode) == (status.Device, status.Inode));
            if (kept is null)
            {
                file.Dispose();
                throw new KeepException($"-adopt {pid}:{number}: the record names no such memory");
            }
            if (!files.TryAdd(kept.Options.Id, file))
                file.Dispose();
        }
        catch (KernelException e)
        {
            throw new KeepException($"-adopt {pid}:{number}: {e.Call}: {Errno.Text(e.Errno)}");
        }
    }

    private async Task RestoreThreadAsync(KeptObject kept)
    {
        try
        {
            guest.Publish(await ThreadFactory.CreateAsync(guest, kept.Options).ConfigureAwait(false));
        }
        catch (QmpException e)
        {
            throw new KeepException($"'{kept.Options.Id}' cannot be had again: {e.Message}");
        }
    }

    private async Task RestoreAsync(KeptObject kept, Dictionary<string, SafeFileHandle> files)
    {
        var id = kept.Options.Id;
        if (kept.File is null || ((files.Remove(id, out var file) ? file : BorrowedDescriptors.Find(guest, kept)) is not { } handle))
        {
            _lost.Add(new LostBackend("/objects/" + id, kept.Options.Backend!.Size, kept.Generation));
            return;
        }
        try
        {
            Publish(kept, handle);
            if (kept.Dimm is { } dimm)
                await DimmPlug.AddAsync(
                    guest,
                    new DeviceOptions { Id = dimm.Id, Name = dimm.Name, Memdev = id, Addr = dimm.Addr, Slot = (int)dimm.Slot, Node = dimm.Node },
                    dimm.Hotplugged).ConfigureAwait(false);
        }
        catch (QmpException e)
        {
            throw new KeepException($"'{id}' cannot be had again as it was: {e.Message}");
        }
    }

    private void Publish(KeptObject kept, SafeFileHandle handle)
    {
        var id = kept.Options.Id;
        try
        {
            guest.ClaimObjectId(id);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
        MemoryBackend backend;
        try
        {
            backend = KeptMapping.Map(guest, kept, handle);
        }
        catch
        {
            guest.ReleaseObjectId(id);
            throw;
        }
        var offered = guest.Lending.Paths.Offer(new PublishedBackend(backend, kept.Options.Backend!));
        var (borrowers, isLost) = LoanOf(kept);
        guest.Publish(offered with { Loan = offered.Loan.Restored(borrowers, isLost) });
        if (borrowers.Count > 0)
            backend.Lend();
        _restored.Add((backend, kept));
    }

    /// <summary>Who still has it. What vhost back ends had ended with the daemon that they were connected to.</summary>
    private (List<Borrower> Borrowers, bool IsLost) LoanOf(KeptObject kept)
    {
        var proc = new ProcReader(guest.Kernel, guest.Options.ProcRoot);
        var known = (kept.Borrowers ?? []).Select(borrower => borrower.ToBorrower())
            .Where(borrower => borrower.Method is not (MemoryLoanMethod.VhostUser or MemoryLoanMethod.VhostKernel)).ToList();
        var living = known.Where(borrower => !proc.IsEnding(borrower.Pid, borrower.StartTime)).ToList();
        return (living, living.Count == 0 && (known.Count > 0 || kept.IsLost == true));
    }

    /// <summary>What happened to loans while nobody looked.</summary>
    private async Task ResumeLoansAsync()
    {
        foreach (var (backend, kept) in _restored)
        {
            foreach (var borrower in guest.State.Backends[backend.Id].Loan.Borrowers)
                guest.Lending.Ledger.Resume(borrower);
            // It may have arrived, and was not written down any more.
            if (kept.IsOnItsWay == true)
                await guest.SlowWork.RunAsync(guest.Work, () => FindReceiver(backend)).ConfigureAwait(false);
            guest.Lending.LookAfter(backend);
        }
    }

    private void FindReceiver(MemoryBackend backend)
    {
        foreach (var holder in guest.Lending.Openers.Look([backend])[backend])
        {
            var borrower = new Borrower((int)holder.Pid, holder.StartTime, holder.Comm, MemoryLoanMethod.Cpr);
            if (guest.State.Backends[backend.Id].Loan.Borrowers.Any(borrower.IsSameProcess))
                continue;
            try
            {
                guest.Lending.Ledger.Hold(backend, borrower, guest.Kernel.OpenProcess(borrower.Pid));
            }
            catch (KernelException)
            {
                // It has ended since.
            }
        }
    }

    private void Tell()
    {
        guest.Log.Information(
            "Taken over from {Predecessor}: {Count} of {Total} objects", handed is null ? "a daemon that was killed" : "the program before this one",
            _objects.Count - _lost.Count, _objects.Count);
        foreach (var lost in _lost)
            guest.Log.Warning("{Path} of {Size} bytes is lost: it was private memory, or nobody had it any more", lost.QomPath, lost.Size);
    }
}
