namespace Hostmemd.Keeping;

/// <summary>A backend of a predecessor that is nowhere any more.</summary>
/// <param name="QomPath">Its path then.</param>
/// <param name="Size">Bytes.</param>
internal sealed record LostBackend(string QomPath, ulong Size, ulong Generation);
