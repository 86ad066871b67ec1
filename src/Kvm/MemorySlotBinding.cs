namespace Hostmemd.Kvm;

/// <summary>How KVM finds the pages of a slot.</summary>
public enum MemorySlotBinding
{
    /// <summary>By userspace_addr: dirty log, aliases and a later VM work.</summary>
    Address,

    /// <summary>By descriptor, KVM_MEM_GUEST_MEMFD: one range in one slot of one VM, no dirty log, not read-only.</summary>
    GuestMemfd,
}
