namespace Hostmemd.Devices;

/// <summary>Where a DIMM is: guest physical address, size in bytes, DIMM slot.</summary>
internal sealed record DimmPlace(ulong Addr, ulong Size, int Slot);
