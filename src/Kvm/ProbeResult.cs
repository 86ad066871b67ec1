namespace Hostmemd.Kvm;

/// <summary>What a vCPU saw.</summary>
/// <param name="Outcome">
/// How it ended. Only <see cref="ProbeOutcome.Done"/> means that every byte was copied; of the others a part may be.
/// </param>
/// <param name="Native">
/// The processor did the access, not KVM's instruction emulator, which reaches memory through userspace_addr and so proves nothing about a
/// slot.
/// Measured by the vCPU's own statistics; false where they cannot be read.
/// </param>
public sealed record ProbeResult(ProbeOutcome Outcome, bool Native)
{
    /// <summary>The bytes of a read that is done; else empty.</summary>
    public ReadOnlyMemory<byte> Data { get; init; }

    /// <summary>Where it failed, as far as the kernel or the registers tell.</summary>
    public GuestAddress? FaultAddress { get; init; }

    /// <summary>For people: exit reason and the like, where the outcome does not say all.</summary>
    public string? Detail { get; init; }
}
