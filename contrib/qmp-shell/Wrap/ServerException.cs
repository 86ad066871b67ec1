namespace Hostmemd.QmpShell.Wrap;

/// <summary>The server cannot be started or reached.</summary>
internal sealed class ServerException(string message, Exception? inner = null) : Exception(message, inner);
