namespace Hostmemd.Kvm;

/// <summary>A mapping failed half way and could not be unmapped again: a range of the address space stays taken until the process ends.</summary>
/// <param name="cause">Why it failed in the first place.</param>
public sealed class AddressSpaceLostException(Exception cause) : Exception(cause?.Message, cause);
