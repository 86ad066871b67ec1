using Hostmemd.Protocol.Schema;

namespace Hostmemd.QmpShell.Schema;

/// <summary>A type of the server's schema. Types refer to each other by name: they may be recursive.</summary>
internal abstract record SchemaType
{
    private SchemaType()
    {
    }

    public static SchemaType Any { get; } = new Builtin(JsonType.Value);

    internal sealed record Builtin(JsonType Json) : SchemaType;

    internal sealed record Enum(IReadOnlyList<string> Values) : SchemaType;

    internal sealed record Array(string ElementType) : SchemaType;

    /// <param name="Tag">The member whose value says which of the <paramref name="Variants"/> joins; null without.</param>
    internal sealed record Struct(IReadOnlyList<SchemaMember> Members, string? Tag, IReadOnlyDictionary<string, string> Variants) : SchemaType;

    internal sealed record Alternate(IReadOnlyList<string> Types) : SchemaType;
}
