using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>The arguments of memory-lend.</summary>
internal sealed class MemoryLend : IQapiType
{
    public static readonly EnumTable<MemoryLendMethod> Methods = new(
        "MemoryLendMethod",
        (MemoryLendMethod.Cpr, "cpr"),
        (MemoryLendMethod.VhostUser, "vhost-user"),
        (MemoryLendMethod.VhostKernel, "vhost-kernel"));

    internal MemoryLendMethod Method;
    internal List<string> Memdevs = [];
    internal MemoryLendPath Cpr = new();
    internal MemoryLendPath VhostUser = new();
    internal MemoryLendFd VhostKernel = new();

    public static string TypeName => "MemoryLend";

    public void Visit(Visitor v)
    {
        v.Enum("method", ref Method, Methods, "how");
        v.List("memdevs", ref Memdevs, Shapes.Text, "ids or QOM paths of the backends; all of them go, or none");
        v.Branch("method", "cpr", Method == MemoryLendMethod.Cpr, ref Cpr);
        v.Branch("method", "vhost-user", Method == MemoryLendMethod.VhostUser, ref VhostUser);
        v.Branch("method", "vhost-kernel", Method == MemoryLendMethod.VhostKernel, ref VhostKernel);
    }
}
