namespace Hostmemd.Api;

/// <summary>How memory goes to a process that is not the daemon.</summary>
internal enum MemoryLoanMethod
{
    Path,
    Descriptor,
    Cpr,
    VhostUser,
    VhostKernel,
}
