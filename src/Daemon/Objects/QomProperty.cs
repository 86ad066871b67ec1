using Hostmemd.Api;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Objects;

/// <summary>One property of an object.</summary>
/// <param name="Read">null: it cannot be read.</param>
/// <param name="Description">For qom-list-properties.</param>
/// <param name="Default">For qom-list-properties.</param>
internal sealed record QomProperty(string Name, string Type, Func<JsonValue>? Read, string? Description = null, JsonValue? Default = null)
{
    public ObjectPropertyInfo ToInfo(bool described) => new()
    {
        Name = Name,
        Type = Type,
        Description = described ? Description : null,
        DefaultValue = described ? Default : null,
    };
}
