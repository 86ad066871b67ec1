namespace Hostmemd.Kvm;

/// <summary>What a slot is for.</summary>
public enum MemorySlotUse
{
    /// <summary>The machine's own memory.</summary>
    BaseMemory,

    /// <summary>A memory device, as a DIMM.</summary>
    Device,

    /// <summary>Code and page tables of the probe vCPU; never guest memory.</summary>
    Probe,
}
