using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class TargetInfo : IQapiType
{
    public static readonly EnumTable<TargetArch> Archs = new("SysEmuTarget", (TargetArch.Aarch64, "aarch64"), (TargetArch.X86_64, "x86_64"));

    internal TargetArch Arch;

    public static string TypeName => "TargetInfo";

    public void Visit(Visitor v) => v.Enum("arch", ref Arch, Archs, "the architecture of host and guest");
}
