using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>The data of MEMORY_FAILURE.</summary>
internal sealed class MemoryFailureData : IQapiType
{
    private static readonly EnumTable<MemoryFailureRecipient> Recipients = new(
        "MemoryFailureRecipient",
        (MemoryFailureRecipient.Hypervisor, "hypervisor"),
        (MemoryFailureRecipient.Guest, "guest"));

    private static readonly EnumTable<MemoryFailureAction> Actions = new(
        "MemoryFailureAction",
        (MemoryFailureAction.Ignore, "ignore"),
        (MemoryFailureAction.Inject, "inject"),
        (MemoryFailureAction.Fatal, "fatal"),
        (MemoryFailureAction.Reset, "reset"));

    internal MemoryFailureRecipient Recipient;
    internal MemoryFailureAction Action;
    internal MemoryFailureFlags Flags = new();

    public static string TypeName => "MemoryFailureData";

    public void Visit(Visitor v)
    {
        v.Enum("recipient", ref Recipient, Recipients, "whose memory it was; `hypervisor` here");
        v.Enum("action", ref Action, Actions, "what was done about it; `ignore` here: the memory is given back");
        v.Struct("flags", ref Flags, "how it was met");
    }
}
