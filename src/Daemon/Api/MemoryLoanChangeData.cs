using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryLoanChangeData : IQapiType
{
    internal string Memdev = "";
    internal MemoryLoanState State;
    internal long? Pid;
    internal ulong Generation;

    public static string TypeName => "MemoryLoanChangeData";

    public void Visit(Visitor v)
    {
        v.Required("memdev", ref Memdev, "the backend's QOM path");
        v.Enum("state", ref State, MemoryLoanInfo.States, "the loan's state from now on");
        v.Optional("pid", ref Pid, "the borrower that came or went");
        v.Required("generation", ref Generation, "the guest's state from now on");
    }
}
