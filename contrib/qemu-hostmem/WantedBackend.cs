namespace Hostmemd.QemuHostmem;

/// <summary>A backend that the user names.</summary>
/// <param name="IsLater">QEMU is to have it by a later object-add.</param>
internal sealed record WantedBackend(string Id, bool IsLater);
