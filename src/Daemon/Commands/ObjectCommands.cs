using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Lending;
using Hostmemd.Objects;
using Hostmemd.Protocol.Schema;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>Making and removing objects.</summary>
internal static class ObjectCommands
{
    public static async ValueTask<Nothing> AddAsync(Client client, ObjectOptions options)
    {
        await ObjectFactory.AddAsync(client.Guest, client.Work, options).ConfigureAwait(false);
        return Nothing.Value;
    }

    public static async ValueTask<Nothing> DeleteAsync(Client client, IdArguments arguments)
    {
        var guest = client.Guest;
        if (guest.IsMonitor(arguments.Id))
            throw ObjectErrors.CurrentMonitor();
        if (guest.State.Threads.TryGetValue(arguments.Id, out var thread))
            DeleteThread(guest, thread);
        else if (guest.State.Backends.TryGetValue(arguments.Id, out var backend))
            await DeleteBackendAsync(guest, client.Work, backend, evenIfLent: false).ConfigureAwait(false);
        else
            throw ObjectErrors.NotFound(arguments.Id);
        return Nothing.Value;
    }

    public static List<IothreadInfo> QueryIothreads(Client client) =>
    [
        .. client.Pin().Threads.Values.Where(thread => thread.Iothread is not null).Select(thread => new IothreadInfo
        {
            Id = thread.Thread.Id,
            ThreadId = thread.Thread.Tid,
            PollMaxNs = thread.Iothread!.PollMaxNs ?? 0,
            PollGrow = thread.Iothread.PollGrow ?? 0,
            PollShrink = thread.Iothread.PollShrink ?? 0,
            PollWeight = thread.Iothread.PollWeight ?? 0,
            AioMaxBatch = thread.Iothread.AioMaxBatch ?? 0,
        }),
    ];

    /// <summary>A backend that names a thread-context does not hold it: its property is empty from then on (seen in QEMU 11.1.3).</summary>
    private static void DeleteThread(Guest guest, PublishedThread deleted)
    {
        var thread = deleted.Thread;
        guest.Change(
            state => state.Threads.TryGetValue(thread.Id, out var current) && current.Thread == thread
                ? state with
                {
                    Threads = state.Threads.Remove(thread.Id),
                    Backends = state.Backends.SetItems(state.Backends.Values
                        .Where(backend => backend.Properties.PreallocContext == thread.QomPath)
                        .Select(backend => KeyValuePair.Create(backend.Backend.Id, backend with { Properties = WithoutContext(backend.Properties) }))),
                }
                : throw ObjectErrors.NotFound(thread.Id),
            kept: thread.Id);
        thread.Close();
    }

    private static MemoryBackendProperties WithoutContext(MemoryBackendProperties properties)
    {
        var changed = properties.Clone();
        changed.PreallocContext = "";
        return changed;
    }

    /// <summary>Removes a backend that nobody uses here.</summary>
    /// <param name="evenIfLent">Others keep the pages, and their loans stay in the ledger; else it is refused while they have them.</param>
    public static async Task DeleteBackendAsync(Guest guest, WorkOwner owner, PublishedBackend published, bool evenIfLent)
    {
        var backend = published.Backend;
        if (!evenIfLent)
            await RefuseIfLentAsync(guest, backend).ConfigureAwait(false);
        backend.BeginClose();
        try
        {
            // Once more, as nobody new gets it now.
            if (!evenIfLent)
                await RefuseIfLentAsync(guest, backend).ConfigureAwait(false);
        }
        catch
        {
            backend.CancelClose();
            throw;
        }
        guest.Lending.Paths.Withdraw(published);
        var remembered = UsageCommands.Remember(guest.Kernel, backend);
        // Both close it at once; whoever is the last frees the pages, and they are free when the client is told so.
        var forgotten = guest.Kept.ForgetAsync(backend);
        try
        {
            if (backend.IsSlowToClose)
                await guest.SlowWork.RunAsync(owner, () => Close(guest, backend)).ConfigureAwait(false);
            else
                backend.Close();
        }
        catch (KernelException e)
        {
            guest.Log.Error("Memory backend {Id} is quarantined: {Error}", backend.Id, e.Message);
            throw ObjectErrors.Quarantined(backend.Id, Errno.Text(e.Errno));
        }
        await forgotten.ConfigureAwait(false);
        var isHeld = false;
        guest.Change(
            state =>
            {
                var loan = state.Backends[backend.Id].Loan;
                isHeld = loan.State == MemoryLoanState.Held;
                return state with
                {
                    Backends = state.Backends.Remove(backend.Id),
                    ForgottenLoans = isHeld
                        ? state.ForgottenLoans.Add(new(backend, backend.Memory.Size, backend.File?.Offset ?? 0, remembered?.File, loan))
                        : state.ForgottenLoans,
                };
            },
            next => [Events.MemoryBackendDeleted(backend, published.Properties.Size, isHeld, next.Generation, guest.Clock)],
            kept: backend.Id);
        if (remembered is not null)
            guest.Accounting.Deleted.Add(remembered);
    }

    private static async Task RefuseIfLentAsync(Guest guest, MemoryBackend backend)
    {
        await guest.Lending.SettleAsync().ConfigureAwait(false);
        if (guest.State.Backends.GetValueOrDefault(backend.Id) is { Loan: { State: MemoryLoanState.Held } loan } lent && lent.Backend == backend)
            throw LendErrors.HeldBy(backend.Id, guest.Lending.Ledger.Names(loan));
    }

    private static void Close(Guest guest, MemoryBackend backend)
    {
        // As it is now: the property can change while the backend is there.
        if (guest.State.Backends.TryGetValue(backend.Id, out var current))
            current.DiscardIfAsked(guest.Log);
        backend.Close();
    }
}
