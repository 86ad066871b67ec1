namespace Hostmemd.Kvm.Native;

/// <summary>What <see cref="SocketMessages.Receive"/> got.</summary>
/// <param name="Bytes">0 without <paramref name="WouldBlock"/>: the other side has ended.</param>
/// <param name="WouldBlock">Nothing there yet.</param>
/// <param name="DescriptorsLost">
/// The kernel could not deliver all descriptors (MSG_CTRUNC, as at the limit of open files); those that came are closed.
/// </param>
public readonly record struct ReceivedMessage(int Bytes, bool WouldBlock, bool DescriptorsLost);
