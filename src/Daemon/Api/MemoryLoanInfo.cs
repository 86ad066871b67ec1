using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryLoanInfo : IQapiType
{
    public static readonly EnumTable<MemoryLoanState> States = new(
        "MemoryLoanState",
        (MemoryLoanState.Free, "free"),
        (MemoryLoanState.Offered, "offered"),
        (MemoryLoanState.Held, "held"),
        (MemoryLoanState.Lost, "lost"));

    internal string Memdev = "";
    internal ulong Generation;
    internal ulong Size;
    internal ulong Offset;
    internal MemoryLoanState State;
    internal List<MemoryLoanWay> Ways = [];
    internal List<MemoryHolder> Borrowers = [];

    public static string TypeName => "MemoryLoanInfo";

    public void Visit(Visitor v)
    {
        v.Required("memdev", ref Memdev, "the backend's QOM path; also of one that was forgotten while others hold it");
        v.Required("generation", ref Generation, "the guest's state that this was read from");
        v.Required("size", ref Size, "bytes of memory", IntegerKind.Size);
        v.Required("offset", ref Offset, "where the memory begins in the file", IntegerKind.Size);
        v.Enum(
            "state", ref State, States,
            "free; offered: it can be opened in the lending directory, or is being handed over; held; "
            + "lost: the last borrower ended without giving it back, the bytes are kept");
        v.List("ways", ref Ways, Shapes.Struct, "how it can go, or why it cannot");
        v.List(
            "borrowers", ref Borrowers, Shapes.Struct,
            "those it was handed to, and after them others that were found to have it; descriptors and mappings are as found");
    }
}
