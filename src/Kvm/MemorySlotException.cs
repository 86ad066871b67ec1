namespace Hostmemd.Kvm;

/// <summary>A memory slot that cannot be, found before the kernel was asked.</summary>
public sealed class MemorySlotException(string message) : Exception(message);
