namespace Hostmemd.Kvm;

/// <summary>How an access of the probe vCPU ended.</summary>
public enum ProbeOutcome
{
    /// <summary>All bytes were copied.</summary>
    Done,

    /// <summary>KVM_EXIT_MMIO: no slot there, or a write to a read-only one.</summary>
    Mmio,

    /// <summary>KVM_EXIT_MEMORY_FAULT: a slot whose memory is gone, as a guest_memfd that was closed.</summary>
    MemoryFault,

    /// <summary>KVM_RUN failed with EFAULT: a slot by address without a mapping or a page behind it.</summary>
    Efault,

    /// <summary>The vCPU gave up: triple fault, or an exit that nothing here explains; the detail says which.</summary>
    Shutdown,

    /// <summary>The time was over.</summary>
    Timeout,
}
