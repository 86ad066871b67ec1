using Hostmemd.Api;
using Hostmemd.Lending;
using Hostmemd.Protocol.Schema;

namespace Hostmemd.Keeping;

/// <summary>A process that has a backend's memory.</summary>
internal sealed class KeptBorrower : IQapiType
{
    internal uint Pid;
    internal ulong StartTime;
    internal string Comm = "";
    internal MemoryLoanMethod Method;

    public static string TypeName => "KeptBorrower";

    public static KeptBorrower Of(Borrower borrower) =>
        new() { Pid = (uint)borrower.Pid, StartTime = borrower.StartTime, Comm = borrower.Comm, Method = borrower.Method };

    public Borrower ToBorrower() => new((int)Pid, StartTime, Comm, Method);

    public void Visit(Visitor v)
    {
        v.Required("pid", ref Pid, "the process");
        v.Required("start-time", ref StartTime, "clock ticks after boot");
        v.Required("comm", ref Comm, "its name when it got the memory");
        v.Enum("method", ref Method, MemoryLoanWay.Methods, "how it got it");
    }
}
