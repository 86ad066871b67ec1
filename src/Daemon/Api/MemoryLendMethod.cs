namespace Hostmemd.Api;

/// <summary>The ways that the daemon itself goes.</summary>
internal enum MemoryLendMethod
{
    Cpr,
    VhostUser,
    VhostKernel,
}
