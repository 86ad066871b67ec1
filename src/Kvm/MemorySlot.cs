namespace Hostmemd.Kvm;

/// <summary>A memory slot as KVM has it. Immutable: the daemon publishes it to other threads as it is.</summary>
/// <param name="Id">KVM's number of the slot.</param>
/// <param name="Request">What was asked for, unchanged.</param>
public sealed record MemorySlot(uint Id, MemorySlotRequest Request)
{
    public GuestAddress Gpa => Request.Gpa;

    public ulong Size => Request.Size;

    public HostAddress Hva => Request.Hva;

    public MemorySlotUse Use => Request.Use;

    public MemorySlotBinding Binding => Request.Binding;

    public bool ReadOnly => Request.ReadOnly;

    public bool DirtyLog => Request.DirtyLog;

    public ulong Offset => Request.Offset;

    public object? Tag => Request.Tag;

    /// <summary>The last address in it; the one behind may not fit into 64 bits.</summary>
    public GuestAddress Last => new(Gpa.Value + (Size - 1));

    /// <summary>True if any address of the range is in the slot.</summary>
    public bool Overlaps(GuestAddress gpa, ulong size) => size != 0 && Last >= gpa && (gpa > Gpa || Gpa.Value - gpa.Value < size);
}
