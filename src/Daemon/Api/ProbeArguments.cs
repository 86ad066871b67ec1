using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class ProbeArguments : IQapiType
{
    public static readonly EnumTable<GuestProbeOperation> Operations = new(
        "GuestProbeOperation",
        (GuestProbeOperation.Read, "read"), (GuestProbeOperation.Write, "write"), (GuestProbeOperation.Compare, "compare"));

    internal GuestProbeOperation Operation;
    internal ulong Addr;
    internal ulong? Size;
    internal string? Data;
    internal bool? Force;

    public static string TypeName => "ProbeGuestMemoryArguments";

    public void Visit(Visitor v)
    {
        v.Enum("operation", ref Operation, Operations, "what the vCPU does");
        v.Required("addr", ref Addr, "guest physical address, of any alignment");
        v.Optional("size", ref Size, "bytes; 8 unless given; read and write up to 64 KiB, compare up to a whole slot", IntegerKind.Size);
        v.Optional("data", ref Data, "base64; what to write, and only there");
        v.Optional("force", ref Force, "write into memory that is lent");
    }
}
