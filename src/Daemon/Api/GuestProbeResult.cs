using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class GuestProbeResult : IQapiType
{
    public static readonly EnumTable<GuestProbeOutcome> Outcomes = new(
        "GuestProbeOutcome",
        (GuestProbeOutcome.Done, "done"), (GuestProbeOutcome.Mmio, "mmio"), (GuestProbeOutcome.MemoryFault, "memory-fault"),
        (GuestProbeOutcome.Efault, "efault"), (GuestProbeOutcome.Shutdown, "shutdown"), (GuestProbeOutcome.Timeout, "timeout"));

    internal GuestProbeOutcome Outcome;
    internal ulong Generation;
    internal bool Native;
    internal string? GuestData;
    internal string? HostData;
    internal bool? Equal;
    internal ulong? FirstDifference;
    internal ulong? DifferentPages;
    internal ulong? FaultAddr;

    public static string TypeName => "GuestProbeResult";

    public void Visit(Visitor v)
    {
        v.Enum("outcome", ref Outcome, Outcomes, "what came of it; mmio: no slot there, or a write to a read-only one");
        v.Required("generation", ref Generation, "the state it was tried in");
        v.Required("native", ref Native, "false: KVM's emulator did the access, which proves nothing about the slot");
        v.Optional("guest-data", ref GuestData, "base64; what the vCPU read");
        v.Optional("host-data", ref HostData, "base64; what the host sees in the same place");
        v.Optional("equal", ref Equal, "the two are the same");
        v.Optional("first-difference", ref FirstDifference, "guest physical address of the first byte that differs");
        v.Optional("different-pages", ref DifferentPages, "pages of 4 KiB that differ");
        v.Optional("fault-addr", ref FaultAddr, "guest physical address at which it ended");
    }
}
