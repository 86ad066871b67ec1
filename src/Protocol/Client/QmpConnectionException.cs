namespace Hostmemd.Protocol.Client;

/// <summary>The connection to a QMP server is over, or never became one; the message says why.</summary>
public sealed class QmpConnectionException(string message, Exception? inner = null) : IOException(message, inner);
