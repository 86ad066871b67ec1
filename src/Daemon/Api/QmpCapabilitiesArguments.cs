using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class QmpCapabilitiesArguments : IQapiType
{
    public static readonly EnumTable<QmpCapability> Capabilities = new("QMPCapability", (QmpCapability.Oob, "oob"));

    internal List<QmpCapability>? Enable;

    public static string TypeName => "QmpCapabilitiesArguments";

    public void Visit(Visitor v) => v.OptionalList("enable", ref Enable, Shapes.Enum(Capabilities), "capabilities to enable, of those in the greeting");
}
