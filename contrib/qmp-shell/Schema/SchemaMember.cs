using Hostmemd.Protocol.Wire;

namespace Hostmemd.QmpShell.Schema;

/// <summary>A member of an object type, as query-qmp-schema tells it.</summary>
/// <param name="Default">The default where the schema tells one; JSON null for an optional member without.</param>
internal sealed record SchemaMember(string Name, string TypeName, bool IsOptional, JsonValue? Default, IReadOnlyList<string> Features);
