using Hostmemd.Protocol.Schema;

namespace Hostmemd.Protocol.Session;

/// <summary>An event, formatted for the first session that gets it and shared by all: of most own events nobody wants to know.</summary>
/// <param name="format">Makes the bytes, of what does not change any more.</param>
public sealed class EventMessage(EventDeclaration declaration, Func<byte[]> format)
{
    private byte[]? _utf8;

    public EventDeclaration Declaration { get; } = declaration;

    /// <summary>The event as it goes on the wire. Any thread; several at the same moment may each format it.</summary>
    public ReadOnlyMemory<byte> Utf8 => _utf8 ??= format();

    /// <summary>What read-only sessions get in its place, where they may not see all of it.</summary>
    public EventMessage? ForReadOnly { get; init; }
}
