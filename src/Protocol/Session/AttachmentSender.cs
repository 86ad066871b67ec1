namespace Hostmemd.Protocol.Session;

/// <summary>Sends bytes with something beside them that arrives with the first byte: over a Unix socket, a descriptor.</summary>
/// <param name="utf8">Not empty.</param>
/// <param name="attachment">Stays the caller's to dispose.</param>
/// <returns>How many bytes went, at least one; what is left goes without the attachment.</returns>
/// <exception cref="IOException">The client is gone.</exception>
public delegate ValueTask<int> AttachmentSender(ReadOnlyMemory<byte> utf8, IDisposable attachment);
