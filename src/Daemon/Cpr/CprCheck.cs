using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Jobs;
using Hostmemd.Protocol.Errors;
using Hostmemd.Usage;

namespace Hostmemd.Cpr;

/// <summary>What the next program could not go on with: it is refused before anything is touched.</summary>
internal static class CprCheck
{
    /// <exception cref="QmpException">Something would be lost; what, and what to do.</exception>
    public static void Check(Guest guest)
    {
        var state = guest.State;
        if (state.RunState == RunState.Shutdown)
            throw JobErrors.GuestEnds();
        if (state.Jobs.FirstOrDefault(job => job.Status is not JobStatus.Concluded) is { } running)
            throw new QmpException($"Job '{running.Job.Id}' is not concluded: wait for it, or end it with job-cancel");
        if (guest.DirtyRate.State.Status == DirtyRateStatus.Measuring)
            throw new QmpException("calc-dirty-rate is measuring: wait for it");
        foreach (var published in state.Backends.Values)
            Check(guest, published);
    }

    private static void Check(Guest guest, PublishedBackend published)
    {
        var id = published.Backend.Id;
        if (published.Loan.IsOnItsWay)
            throw new QmpException($"Memory backend '{id}' is on its way to a VMM: wait until query-memory-loans says 'held'");
        if (published.Loan.Borrowers.FirstOrDefault(
                borrower => borrower.Method is MemoryLoanMethod.VhostUser or MemoryLoanMethod.VhostKernel) is { } borrower)
            throw new QmpException($"Memory backend '{id}' is lent over a connection of this process (pid {borrower.Pid}): end that loan first");
        if (published.Backend.File is { IsShared: true })
            return;
        // The machine's own memory is made anew, and is the same as long as nobody has written there.
        if (id == BaseMemory.Id)
        {
            using var measure = new BackendMeasure(guest.Kernel, guest.Options.Host, placement: false);
            if (measure.Measure(published).Usage is { Resident: 0, Swapped: 0 })
                return;
        }
        throw new QmpException(
            $"Memory backend '{id}' is private memory, which cannot go on in another program: remove it, or make it with share=on"
            + (id == BaseMemory.Id ? " and name it with -machine memory-backend=ID" : ""));
    }
}
