namespace Hostmemd.Kvm;

/// <summary>What sysinfo says, in bytes.</summary>
public readonly record struct SystemMemory(ulong TotalRam, ulong FreeRam, ulong TotalSwap, ulong FreeSwap);
