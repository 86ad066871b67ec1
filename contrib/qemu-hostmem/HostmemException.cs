namespace Hostmemd.QemuHostmem;

/// <summary>QEMU cannot be started on the memory, or not go on; the message is for the user.</summary>
internal sealed class HostmemException(string message) : Exception(message);
