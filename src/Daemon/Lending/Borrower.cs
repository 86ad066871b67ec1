using Hostmemd.Api;

namespace Hostmemd.Lending;

/// <summary>A process that memory was handed to.</summary>
/// <param name="Pid">As the daemon sees it.</param>
/// <param name="StartTime">Clock ticks after boot; with <paramref name="Pid"/> it names one process for ever.</param>
/// <param name="Comm">Its name when it got the memory: it may run another program since.</param>
internal sealed record Borrower(int Pid, ulong StartTime, string Comm, MemoryLoanMethod Method)
{
    /// <summary>A VMM's way: the memory is a guest's RAM, and two guests must never have the same.</summary>
    public bool IsVmm => Method is MemoryLoanMethod.Path or MemoryLoanMethod.Cpr;

    public bool IsSameProcess(Borrower other) => (Pid, StartTime) == (other.Pid, other.StartTime);
}
