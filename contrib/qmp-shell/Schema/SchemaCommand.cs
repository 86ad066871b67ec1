namespace Hostmemd.QmpShell.Schema;

internal sealed record SchemaCommand(string Name, string ArgumentType, string ReturnType, bool AllowsOob, IReadOnlyList<string> Features);
