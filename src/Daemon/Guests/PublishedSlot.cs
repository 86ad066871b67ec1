using Hostmemd.Api;
using Hostmemd.Kvm;

namespace Hostmemd.Guests;

/// <summary>A memory slot, and whose memory it shows.</summary>
internal sealed record PublishedSlot(MemorySlot Slot, string? Memdev, string? Device)
{
    /// <param name="hideHostAddress">For a read-only socket.</param>
    /// <param name="isLogged">KVM logs writes at the moment.</param>
    public MemorySlotInfo ToInfo(bool hideHostAddress = false, bool isLogged = false) => new()
    {
        KvmSlot = Slot.Id,
        Addr = Slot.Gpa.Value,
        Size = Slot.Size,
        HostAddr = hideHostAddress ? 0 : Slot.Hva.Value,
        Binding = Slot.Binding,
        Use = Slot.Use,
        ReadOnly = Slot.ReadOnly,
        DirtyLog = Slot.DirtyLog || isLogged,
        Offset = Memdev is null ? null : Slot.Offset,
        Memdev = Memdev,
        Device = Device,
    };
}
