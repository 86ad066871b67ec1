using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Objects;

namespace Hostmemd.Lending;

/// <summary>All that lends a guest's memory. Safe on any thread.</summary>
internal sealed class Lender : IDisposable
{
    private readonly Guest _guest;
    private readonly LoanWatch _watch;

    public Lender(Guest guest)
    {
        _guest = guest;
        Ledger = new Ledger(guest, () => _watch!);
        Openers = new OpenerScan(guest, Ledger);
        _watch = new LoanWatch(guest.Kernel, guest.Log, Ledger.Ended, Openers.Refresh);
        Paths = new PathOffers(guest, _watch);
        Vhost = new VhostLoans(guest);
    }

    /// <summary>Who has got what.</summary>
    public Ledger Ledger { get; }

    /// <summary>What can be opened by its path.</summary>
    public PathOffers Paths { get; }

    /// <summary>Who has opened what.</summary>
    public OpenerScan Openers { get; }

    /// <summary>What vhost back ends have.</summary>
    public VhostLoans Vhost { get; }

    /// <summary>Finds out who has a backend that was there before this process, behind its being published.</summary>
    public void LookAfter(MemoryBackend backend) => _watch.Touch(backend);

    /// <summary>Completes when the ledger knows of everybody who has opened or closed a backend's file by now.</summary>
    public Task SettleAsync() => _watch.SettleAsync();

    /// <summary>The daemon ends: borrowers go on, and the log says with what.</summary>
    public void Dispose()
    {
        Vhost.Dispose();
        _watch.Dispose();
        foreach (var published in _guest.State.Backends.Values)
        {
            if (published.Loan.State == MemoryLoanState.Held)
                _guest.Log.Warning("Memory backend {Id} stays with {Borrowers}", published.Backend.Id, Ledger.Names(published.Loan));
            Paths.RemoveEntry(published);
        }
        Paths.Dispose();
    }
}
