namespace Hostmemd.Kvm;

/// <summary>A descriptor that came from outside is not the guest_memfd it should be.</summary>
/// <param name="message">The short reason, for the client.</param>
public sealed class GuestMemfdCheckException(string message, Exception? inner = null) : Exception(message, inner);
