using System.Collections.Immutable;
using Hostmemd.Api;

namespace Hostmemd.Lending;

/// <summary>What was handed out of one backend, and to whom: a value of the ledger. Changing it makes another.</summary>
internal sealed record Loan
{
    /// <summary>Nobody has it, and nobody can have it before it is asked for.</summary>
    public static Loan None { get; } = new();

    /// <summary>In the order they came; a process once for each way.</summary>
    public ImmutableList<Borrower> Borrowers { get; private init; } = [];

    /// <summary>Where other processes can open it without asking; null: nowhere.</summary>
    public string? Entry { get; init; }

    /// <summary>What the entry leads to.</summary>
    public string? EntryTarget { get; init; }

    /// <summary>Why nobody is to open it; null: it can be opened.</summary>
    public string? PathRefusal { get; init; }

    /// <summary>It is on its way to a VMM.</summary>
    public bool IsOnItsWay { get; init; }

    /// <summary>Somebody has opened it who cannot be seen.</summary>
    public bool IsHeldUnseen { get; init; }

    private bool IsLost { get; init; }

    public MemoryLoanState State => this switch
    {
        { Borrowers.IsEmpty: false } or { IsHeldUnseen: true } => MemoryLoanState.Held,
        { IsOnItsWay: true } => MemoryLoanState.Offered,
        { IsLost: true } => MemoryLoanState.Lost,
        { Entry: not null } => MemoryLoanState.Offered,
        _ => MemoryLoanState.Free,
    };

    /// <summary>The same, as it was written down before.</summary>
    /// <param name="isLost">The last of its borrowers has ended with it.</param>
    public Loan Restored(IEnumerable<Borrower> borrowers, bool isLost) => this with { Borrowers = [.. borrowers], IsLost = isLost };

    /// <summary>A process has it now.</summary>
    public Loan With(Borrower borrower) => Borrowers.Any(known => known.IsSameProcess(borrower) && known.Method == borrower.Method)
        ? this
        : this with { Borrowers = Borrowers.Add(borrower), IsLost = false };

    /// <summary>A process gave back what it got in one way.</summary>
    public Loan Without(Borrower borrower) =>
        Borrowers.FirstOrDefault(known => known.IsSameProcess(borrower) && known.Method == borrower.Method) is { } known
            ? this with { Borrowers = Borrowers.Remove(known) }
            : this;

    /// <summary>A process has ended: whatever it had it did not give back.</summary>
    public Loan AfterEndOf(Borrower borrower)
    {
        var left = Borrowers.RemoveAll(known => known.IsSameProcess(borrower));
        return left.Count == Borrowers.Count ? this : this with { Borrowers = left, IsLost = left.IsEmpty };
    }

    /// <summary>Those who have opened it, as a look through all processes found them.</summary>
    /// <param name="openers">Whoever has it open or mapped.</param>
    /// <param name="unseen">Somebody has opened it, and not every process could be looked at.</param>
    public Loan WithOpeners(IReadOnlyCollection<Borrower> openers, bool unseen)
    {
        var next = this;
        foreach (var gone in Borrowers.Where(known => known.Method == MemoryLoanMethod.Path && !openers.Any(known.IsSameProcess)))
            next = next.Without(gone);
        // Who got it in another way is known by that.
        foreach (var opener in openers.Where(opener => !Borrowers.Any(opener.IsSameProcess)))
            next = next.With(opener);
        var isHeldUnseen = unseen && openers.Count == 0;
        return next.IsHeldUnseen == isHeldUnseen ? next : next with { IsHeldUnseen = isHeldUnseen };
    }
}
