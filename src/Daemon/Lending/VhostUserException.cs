namespace Hostmemd.Lending;

/// <summary>The back end does not take the memory; the message says why.</summary>
internal sealed class VhostUserException(string message) : Exception(message);
