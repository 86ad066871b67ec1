using System.Runtime.InteropServices;

namespace Hostmemd.Objects.Allocation;

/// <summary>The file behind a backend's memory, whichever kind it is of.</summary>
/// <param name="Handle">Owned by the backend.</param>
/// <param name="Offset">Where in the file the memory begins.</param>
/// <param name="IsShared">Writes go to the file: other processes that map it see them.</param>
internal sealed record BackingFile(SafeHandle Handle, ulong Offset, bool IsShared);
