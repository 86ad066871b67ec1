namespace Hostmemd.Keeping;

/// <summary>What a guest keeps with.</summary>
/// <param name="Record">Open and locked; its owner closes it.</param>
/// <param name="Restart">Arguments with which the keeper starts a successor; null: somebody else does.</param>
/// <param name="Store">The service manager in place of a keeper's process; null: a process.</param>
internal sealed record KeepOptions(KeepPaths Paths, KeepRecord Record, IReadOnlyList<string>? Restart, SystemdStore? Store);
