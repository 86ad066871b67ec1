using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class AcceleratorInfo : IQapiType
{
    public static readonly EnumTable<Accelerator> Accelerators = new("Accelerator", (Accelerator.Kvm, "kvm"), (Accelerator.Qtest, "qtest"));

    internal Accelerator Enabled;
    internal List<Accelerator> Present = [];

    public static string TypeName => "AcceleratorInfo";

    public void Visit(Visitor v)
    {
        v.Enum("enabled", ref Enabled, Accelerators, "the accelerator in use; qtest stands for none: no vCPU runs");
        v.List("present", ref Present, Shapes.Enum(Accelerators), "those that could be used");
    }
}
