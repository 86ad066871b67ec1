using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class KvmInfo : IQapiType
{
    internal bool Enabled;
    internal bool Present;

    public static string TypeName => "KvmInfo";

    public void Visit(Visitor v)
    {
        v.Required("enabled", ref Enabled, "KVM is the accelerator in use");
        v.Required("present", ref Present, "KVM can be used here");
    }
}
