namespace Hostmemd.Kvm;

/// <summary>What cachestat(2) says of a file's range, in pages of 4 KiB.</summary>
/// <param name="Cached">Pages in memory.</param>
/// <param name="Evicted">Pages that were there and are not; of tmpfs and memfd: those in swap.</param>
public readonly record struct FileCacheStatus(ulong Cached, ulong Evicted);
