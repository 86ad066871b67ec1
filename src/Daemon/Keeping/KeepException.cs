namespace Hostmemd.Keeping;

/// <summary>What a predecessor left cannot be taken over; the message says why. Nothing of it has changed.</summary>
internal sealed class KeepException(string message) : Exception(message);
