namespace Hostmemd.Kvm;

/// <summary>A memory slot that is wanted: what guest physical addresses are to be which host memory.</summary>
public sealed record MemorySlotRequest
{
    /// <summary>Start in guest physical memory, page aligned.</summary>
    public required GuestAddress Gpa { get; init; }

    /// <summary>Bytes, page aligned, not 0.</summary>
    public required ulong Size { get; init; }

    /// <summary>
    /// KVM's userspace_addr. With a <see cref="File"/> it must be the mapping of the same range, which KVM does not check.
    /// </summary>
    public required HostAddress Hva { get; init; }

    public required MemorySlotUse Use { get; init; }

    /// <summary>Set: bound by descriptor (KVM_MEM_GUEST_MEMFD). Null: bound by address.</summary>
    public GuestMemfd? File { get; init; }

    /// <summary>Where in the backend the slot begins; with a <see cref="File"/> also in the file.</summary>
    public ulong Offset { get; init; }

    public bool ReadOnly { get; init; }

    public bool DirtyLog { get; init; }

    /// <summary>The caller's: whose memory this is. Nothing here looks at it.</summary>
    public object? Tag { get; init; }

    public MemorySlotBinding Binding => File is null ? MemorySlotBinding.Address : MemorySlotBinding.GuestMemfd;
}
