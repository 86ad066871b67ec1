using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Sessions;

/// <summary>What came over a connection and was not read yet.</summary>
/// <param name="Descriptors">Those that came along and no command took, with how many of the bytes came before them.</param>
internal sealed record ReceivedInput(byte[] Bytes, IReadOnlyList<(long From, List<SafeFileHandle> Descriptors)> Descriptors);
