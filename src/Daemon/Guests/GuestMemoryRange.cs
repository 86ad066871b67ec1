using Hostmemd.Objects;

namespace Hostmemd.Guests;

/// <summary>Guest physical addresses that are memory of a backend.</summary>
/// <param name="Addr">Guest physical address.</param>
/// <param name="Size">Bytes, not 0.</param>
/// <param name="Offset">Where in the backend they begin.</param>
internal sealed record GuestMemoryRange(ulong Addr, ulong Size, MemoryBackend Backend, ulong Offset)
{
    /// <summary>Some of it lies in a range, which may run past the end of the address space.</summary>
    public bool Overlaps(ulong addr, ulong size) => Addr + (Size - 1) >= addr && (Addr <= addr || Addr - addr < size);

    /// <summary>The part of it that lies in a range, which it overlaps.</summary>
    public GuestMemoryRange Cut(ulong addr, ulong size)
    {
        var skipped = addr > Addr ? addr - Addr : 0;
        var ahead = Addr > addr ? Addr - addr : 0;
        return this with { Addr = Addr + skipped, Size = Math.Min(Size - skipped, size - ahead), Offset = Offset + skipped };
    }
}
