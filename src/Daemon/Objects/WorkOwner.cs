namespace Hostmemd.Objects;

/// <summary>For whom slow work is done: a session, or the daemon itself. Keeps nothing of a session that has gone.</summary>
internal sealed class WorkOwner;
