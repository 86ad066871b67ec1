namespace Hostmemd.Usage;

/// <summary>What is known of a deleted backend's memory.</summary>
/// <param name="Memdev">Its QOM path while it was there.</param>
/// <param name="Size">Bytes.</param>
internal sealed record DeletedBackend(string Memdev, ulong Size, MemoryFile File);
