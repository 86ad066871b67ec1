using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryLoanWay : IQapiType
{
    public static readonly EnumTable<MemoryLoanMethod> Methods = new(
        "MemoryLoanMethod",
        (MemoryLoanMethod.Path, "path"),
        (MemoryLoanMethod.Descriptor, "descriptor"),
        (MemoryLoanMethod.Cpr, "cpr"),
        (MemoryLoanMethod.VhostUser, "vhost-user"),
        (MemoryLoanMethod.VhostKernel, "vhost-kernel"));

    internal MemoryLoanMethod Method;
    internal bool Usable;
    internal string? Reason;
    internal string? Path;
    internal string? QemuObject;

    public static string TypeName => "MemoryLoanWay";

    public void Visit(Visitor v)
    {
        v.Enum("method", ref Method, Methods, "path: a VMM opens it; descriptor: memory-backend-send-fd; the others: memory-lend");
        v.Required("usable", ref Usable, "it can be used now");
        v.Optional("reason", ref Reason, "why not");
        v.Optional("path", ref Path, "what to open");
        v.Optional("qemu-object", ref QemuObject, "what to give QEMU as argument of -object, in JSON");
    }
}
