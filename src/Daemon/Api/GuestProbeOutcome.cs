namespace Hostmemd.Api;

internal enum GuestProbeOutcome
{
    Done,
    Mmio,
    MemoryFault,
    Efault,
    Shutdown,
    Timeout,
}
