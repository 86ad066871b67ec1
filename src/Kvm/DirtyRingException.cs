namespace Hostmemd.Kvm;

/// <summary>The VM cannot have a dirty ring of the size asked for.</summary>
/// <param name="message">For the user, in QEMU 11.1.3's words.</param>
public sealed class DirtyRingException(string message) : Exception(message);
