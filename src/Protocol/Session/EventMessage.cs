using Hostmemd.Protocol.Schema;

namespace Hostmemd.Protocol.Session;

/// <summary>An event, formatted once and shared by all sessions.</summary>
public sealed record EventMessage(EventDeclaration Declaration, ReadOnlyMemory<byte> Utf8)
{
    /// <summary>What read-only sessions get in its place, where they may not see all of it.</summary>
    public EventMessage? ForReadOnly { get; init; }
}
