using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;
using Hostmemd.Sessions;
using Hostmemd.Usage;

namespace Hostmemd.Commands;

/// <summary>What memory really costs, and who has it.</summary>
internal static class UsageCommands
{
    public static async ValueTask<MemoryUsage> QueryAsync(Client client, QueryMemoryUsageArguments arguments)
    {
        var guest = client.Guest;
        var state = client.Pin();
        var deleted = arguments.Holders == true ? Matching(guest.Accounting.Deleted.Entries, arguments.Memdev) : [];
        var backends = Backends(guest, state, arguments.Memdev, deleted.Count > 0);
        var reply = new MemoryUsage { Generation = state.Generation };
        reply.Backends = await guest.Accounting.ScanAsync(guest.SlowWork, client.Work, () => Scan(guest, backends, deleted, arguments)).ConfigureAwait(false);
        // Deleted, and as far as can be seen nobody has it.
        if (arguments.Memdev is not null && backends.Count == 0 && reply.Backends.Count == 0)
            throw ObjectErrors.DeviceNotFound(arguments.Memdev);
        foreach (var usage in reply.Backends)
            (reply.TotalSize, reply.TotalResident) = (reply.TotalSize + usage.Size, reply.TotalResident + usage.Resident);
        return reply;
    }

    /// <summary>Keeps in mind what a backend that is being deleted was mapped from, as others may have it.</summary>
    /// <returns>null: nobody can.</returns>
    public static DeletedBackend? Remember(IKernel kernel, MemoryBackend backend)
    {
        try
        {
            // The pages of a file with a path are the file's, and stay with it.
            return backend.File is { } file && MemoryFile.Of(kernel, file) is { Type: not MemoryFdType.File } known
                ? new DeletedBackend(backend.QomPath, backend.Memory.Size, known)
                : null;
        }
        catch (Exception e) when (e is KernelException or ObjectDisposedException)
        {
            return null;
        }
    }

    private static List<PublishedBackend> Backends(Guest guest, GuestState state, string? memdev, bool mayBeDeleted)
    {
        if (memdev is null)
            return [.. state.Backends.Values];
        try
        {
            return [BackendLookup.Find(guest, state, memdev)];
        }
        catch (QmpException e) when (mayBeDeleted && e.ErrorClass == QmpErrorClass.DeviceNotFound)
        {
            return [];
        }
    }

    private static List<DeletedBackend> Matching(IReadOnlyList<DeletedBackend> entries, string? memdev) =>
        [.. entries.Where(entry => memdev is null || entry.Memdev == memdev || entry.Memdev == "/objects/" + memdev)];

    private static List<MemoryUsageInfo> Scan(
        Guest guest, List<PublishedBackend> backends, List<DeletedBackend> deleted, QueryMemoryUsageArguments arguments)
    {
        var proc = new ProcReader(guest.Kernel, guest.Options.ProcRoot);
        var measured = Measure(guest, backends, Cgroup(proc), arguments.Placement == true);
        if (arguments.Holders == true)
        {
            var files = measured.Select(entry => entry.File).OfType<MemoryFile>().Concat(deleted.Select(entry => entry.File)).ToList();
            var (found, complete) = HolderScan.Run(proc, Environment.ProcessId, files);
            foreach (var (usage, file) in measured)
            {
                usage.Holders = file is null ? [Self(proc)] : found[(file.Device, file.Inode)].Holders;
                usage.HoldersComplete = file is null || complete;
            }
            foreach (var entry in deleted)
            {
                var holders = found[(entry.File.Device, entry.File.Inode)];
                if (holders.Holders.Count > 0)
                    measured.Add((Describe(entry, holders, complete), entry.File));
                else if (complete)
                    // A process that could not be read may have it.
                    guest.Accounting.Deleted.Forget(entry);
            }
        }
        return [.. measured.Select(entry => entry.Usage)];
    }

    private static List<(MemoryUsageInfo Usage, MemoryFile? File)> Measure(
        Guest guest, List<PublishedBackend> backends, string? cgroup, bool placement)
    {
        using var measure = new BackendMeasure(guest.Kernel, guest.Options.Host, placement);
        var measured = new List<(MemoryUsageInfo Usage, MemoryFile? File)>();
        foreach (var published in backends)
        {
            try
            {
                var (usage, file) = measure.Measure(published);
                usage.Cgroup = cgroup;
                // What went meanwhile was perhaps measured when something else was there.
                if (guest.State.Backends.TryGetValue(published.Backend.Id, out var now) && now.Backend == published.Backend)
                    measured.Add((usage, file));
            }
            catch (ObjectDisposedException)
            {
                // It has gone; its event follows the reply.
            }
            catch (KernelException e)
            {
                throw new QmpException($"the memory of backend '{published.Backend.Id}' cannot be counted: {e.Message}");
            }
        }
        return measured;
    }

    private static string? Cgroup(ProcReader proc)
    {
        try
        {
            return proc.Cgroup();
        }
        catch (KernelException)
        {
            return null;
        }
    }

    /// <summary>Private anonymous memory has one holder: nobody else can have it.</summary>
    private static MemoryHolder Self(ProcReader proc)
    {
        var self = new MemoryHolder { Pid = Environment.ProcessId, Mappings = 1, Self = true };
        try
        {
            (self.Comm, self.StartTime) = proc.Identity(Environment.ProcessId);
        }
        catch (KernelException)
        {
            // Without /proc the number must do.
        }
        return self;
    }

    private static MemoryUsageInfo Describe(DeletedBackend entry, FileHolders holders, bool complete) => new()
    {
        Memdev = entry.Memdev,
        Size = entry.Size,
        FdType = entry.File.Type,
        Resident = holders.Blocks * 512,
        Holders = holders.Holders,
        HoldersComplete = complete,
        Deleted = true,
    };
}
