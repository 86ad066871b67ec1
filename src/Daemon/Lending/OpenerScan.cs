using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Startup;
using Hostmemd.Usage;

namespace Hostmemd.Lending;

/// <summary>Finds out by /proc who has the files of backends open, and corrects the ledger. Safe on any thread.</summary>
internal sealed class OpenerScan(Guest guest, Ledger ledger)
{
    /// <summary>
    /// Looks through all processes for those that have the files of backends, living and forgotten, and corrects the ledger. May take long.
    /// </summary>
    /// <returns>Who has each of them, but for this process; nothing of what nobody has.</returns>
    public IReadOnlyDictionary<MemoryBackend, List<MemoryHolder>> Look(IEnumerable<MemoryBackend> backends) =>
        Look(backends.ToDictionary(backend => backend, _ => (bool?)null));

    /// <summary>The same for files that were just opened or closed; who cannot be found is logged.</summary>
    public void Refresh(IReadOnlyDictionary<MemoryBackend, bool> touched)
    {
        try
        {
            Look(touched.ToDictionary(entry => entry.Key, entry => (bool?)entry.Value));
        }
        catch (KernelException e)
        {
            guest.Log.Error("Who has opened memory cannot be found out: {Error}", e.Message);
        }
    }

    /// <param name="touched">With each: whether it was opened last, or closed; null: not known.</param>
    private Dictionary<MemoryBackend, List<MemoryHolder>> Look(Dictionary<MemoryBackend, bool?> touched)
    {
        var proc = new ProcReader(guest.Kernel, guest.Options.ProcRoot);
        var files = new Dictionary<MemoryBackend, MemoryFile>();
        foreach (var backend in touched.Keys)
            if (FileOf(backend) is { } file)
                files.Add(backend, file);
        // These have each file, and are no borrowers: with many backends looking at them would be nearly all of the work.
        var (found, complete) = HolderScan.Run(
            proc, Environment.ProcessId, files.Values, Environment.ProcessId, guest.Kept.KeeperPid ?? 0, guest.Lending.Paths.HolderPid ?? 0);
        var ours = new Dictionary<int, bool>();
        var holders = new Dictionary<MemoryBackend, List<MemoryHolder>>();
        foreach (var (backend, file) in files)
        {
            var all = found[(file.Device, file.Inode)];
            var others = 0;
            // Of a thousand backends nearly all are nobody's, and have no list.
            List<MemoryHolder>? mine = null;
            foreach (var holder in all.Holders)
            {
                // A process of ours is no borrower: it populates.
                if (IsOneOfOurs((int)holder.Pid))
                    continue;
                others++;
                if (HasPart(backend, all, holder))
                    (mine ??= []).Add(holder);
            }
            if (mine is not null)
                holders.Add(backend, mine);
            if (backend.File is { IsShared: true } && !backend.IsGuestMemfd)
                ledger.Write(proc, backend, mine is null ? [] : mine.ConvertAll(Opener), complete || others > 0 ? false : touched[backend]);
        }
        return holders;

        bool IsOneOfOurs(int pid)
        {
            if (!ours.TryGetValue(pid, out var known))
                ours[pid] = known = IsOurs(proc, pid);
            return known;
        }
    }

    private static Borrower Opener(MemoryHolder holder) => new((int)holder.Pid, holder.StartTime, holder.Comm, MemoryLoanMethod.Path);

    /// <summary>It has mapped the backend's part of the file, or has the file open and mapped nothing of it yet.</summary>
    private static bool HasPart(MemoryBackend backend, FileHolders file, MemoryHolder holder)
    {
        var (from, to) = (backend.File!.Offset, backend.File.Offset + backend.Memory.Size);
        var mapped = file.Mapped.Where(mapping => mapping.Pid == holder.Pid);
        return !mapped.Any() || mapped.Any(mapping => mapping.From < to && from < mapping.To);
    }

    private bool IsOurs(ProcReader proc, int pid)
    {
        if (pid == guest.Kept.KeeperPid)
            return true;
        try
        {
            // Before a helper is a program of its own it has all that we have, and the name of a thread.
            var status = proc.Status(pid);
            return status.Parent == Environment.ProcessId
                && (ProcessName.IsOfHelper(status.Comm) || status.Comm == proc.Status(Environment.ProcessId).Comm
                    || proc.Program(pid) == proc.Program(Environment.ProcessId));
        }
        catch (KernelException e)
        {
            // What has ended meanwhile, as a process that populated, has nothing.
            return e.Errno is Errno.ENOENT or Errno.ESRCH;
        }
    }

    /// <summary>null: private anonymous memory, or gone and not forgotten.</summary>
    private MemoryFile? FileOf(MemoryBackend backend)
    {
        if (backend.File is not { } file)
            return null;
        if (file.Handle.IsClosed)
            return Forgotten(backend);
        try
        {
            return MemoryFile.Of(guest.Kernel, file);
        }
        catch (Exception e) when (e is KernelException or ObjectDisposedException)
        {
            return null;
        }
    }

    private MemoryFile? Forgotten(MemoryBackend backend) => guest.State.ForgottenLoans.FirstOrDefault(loan => loan.Backend == backend)?.File;
}
