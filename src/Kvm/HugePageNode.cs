namespace Hostmemd.Kvm;

/// <summary>The part of a pool of huge pages that is on one NUMA node; pages. The kernel counts no reservations by node.</summary>
public sealed record HugePageNode(uint Node, ulong Total, ulong? Free, ulong? Surplus);
