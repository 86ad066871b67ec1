namespace Hostmemd.Sessions;

/// <summary>A socket cannot be listened on; the message says why.</summary>
internal sealed class ListenException(string reason) : Exception(reason);
