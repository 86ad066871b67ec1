namespace Hostmemd.QemuHostmem;

/// <summary>A backend and the way it goes.</summary>
/// <param name="Size">Bytes.</param>
/// <param name="Path">What QEMU opens; null: it goes by CPR.</param>
/// <param name="QemuObject">The argument of -object.</param>
internal sealed record ChosenBackend(string Id, ulong Size, bool IsLater, string? Path, string QemuObject)
{
    public bool IsByCpr => Path is null;
}
