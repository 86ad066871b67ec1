using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MigrationCapabilityStatus : IQapiType
{
    public static readonly EnumTable<MigrationCapability> Capabilities = new("MigrationCapability", (MigrationCapability.Events, "events"));

    internal MigrationCapability Capability;
    internal bool State;

    public static string TypeName => "MigrationCapabilityStatus";

    public void Visit(Visitor v)
    {
        v.Enum("capability", ref Capability, Capabilities, "the capability");
        v.Required("state", ref State, "whether it is on");
    }
}
