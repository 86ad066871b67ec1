using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class VersionInfo : IQapiType
{
    internal VersionTriple Qemu = new();
    internal string Package = "";

    public static string TypeName => "VersionInfo";

    public void Visit(Visitor v)
    {
        v.Struct("qemu", ref Qemu, "the version of QEMU whose interface clients may rely on");
        v.Required("package", ref Package, "this program and its version");
    }
}
