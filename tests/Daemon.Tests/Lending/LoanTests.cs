using Hostmemd.Api;
using Hostmemd.Lending;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>The ledger's values: pure, so every way through the states is tried.</summary>
public sealed class LoanTests
{
    private static readonly Borrower Opener = new(10, 100, "qemu", MemoryLoanMethod.Path);
    private static readonly Borrower ByCpr = Opener with { Method = MemoryLoanMethod.Cpr };
    private static readonly Borrower Other = new(20, 200, "backend", MemoryLoanMethod.VhostUser);

    [Fact]
    public void What_nobody_has_is_free_and_with_an_entry_offered()
    {
        Assert.Equal(MemoryLoanState.Free, Loan.None.State);
        Assert.Equal(MemoryLoanState.Offered, (Loan.None with { Entry = "/run/m" }).State);
        Assert.Equal(MemoryLoanState.Offered, (Loan.None with { IsOnItsWay = true }).State);
    }

    [Fact]
    public void Who_gets_it_holds_it_until_it_is_given_back()
    {
        var held = Loan.None.With(ByCpr);

        Assert.Equal(MemoryLoanState.Held, held.State);
        Assert.Same(held, held.With(ByCpr));
        Assert.Same(held, held.Without(Opener));
        Assert.Equal(MemoryLoanState.Free, held.Without(ByCpr).State);
    }

    [Fact]
    public void The_end_of_the_last_borrower_loses_it_and_the_next_one_finds_it()
    {
        var both = Loan.None.With(ByCpr).With(Other);

        var one = both.AfterEndOf(ByCpr);
        Assert.Equal(MemoryLoanState.Held, one.State);
        var lost = one.AfterEndOf(Other);
        Assert.Equal(MemoryLoanState.Lost, lost.State);
        Assert.Same(lost, lost.AfterEndOf(Other));
        Assert.Equal(MemoryLoanState.Lost, (lost with { Entry = "/run/m" }).State);
        Assert.Equal(MemoryLoanState.Held, lost.With(Opener).State);
        Assert.Equal(MemoryLoanState.Free, lost.With(Opener).Without(Opener).State);
    }

    [Fact]
    public void A_process_that_got_the_number_of_another_has_nothing()
    {
        var held = Loan.None.With(ByCpr);

        Assert.Same(held, held.AfterEndOf(ByCpr with { StartTime = 101 }));
    }

    [Fact]
    public void A_process_ends_with_all_it_had_in_whichever_ways()
    {
        var lost = Loan.None.With(ByCpr).With(Opener with { Method = MemoryLoanMethod.Descriptor }).AfterEndOf(Opener);

        Assert.Empty(lost.Borrowers);
        Assert.Equal(MemoryLoanState.Lost, lost.State);
    }

    [Fact]
    public void Those_who_opened_it_are_those_who_were_found()
    {
        var found = Loan.None.WithOpeners([Opener], unseen: false);

        Assert.Equal([Opener], found.Borrowers);
        Assert.Same(found, found.WithOpeners([Opener], unseen: false));
        Assert.Equal(MemoryLoanState.Free, found.WithOpeners([], unseen: false).State);
    }

    [Fact]
    public void Who_got_it_in_another_way_is_not_known_by_having_it_open()
    {
        var held = Loan.None.With(ByCpr).With(Other);

        Assert.Same(held, held.WithOpeners([Opener], unseen: false));
        Assert.Same(held, held.WithOpeners([], unseen: false));
    }

    [Fact]
    public void Somebody_who_cannot_be_seen_holds_it_too()
    {
        var held = Loan.None.WithOpeners([], unseen: true);

        Assert.Equal(MemoryLoanState.Held, held.State);
        Assert.Empty(held.Borrowers);
        Assert.Equal(MemoryLoanState.Free, held.WithOpeners([], unseen: false).State);
    }
}
