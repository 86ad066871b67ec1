using Hostmemd.Kvm;

namespace Hostmemd.Objects;

/// <summary>What the rules need to know of the host.</summary>
/// <param name="Capabilities">null with accel=none.</param>
/// <param name="PolicyHolds">mbind binds a guest_memfd here.</param>
/// <param name="MemoryAndSwap">Bytes of RAM and swap.</param>
internal sealed record GuestMemfdHost(KvmCapabilities? Capabilities, bool PolicyHolds, ulong MemoryAndSwap, string KernelRelease);
