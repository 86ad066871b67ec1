namespace Hostmemd.Protocol.Session;

/// <summary>An attachment and the reply it goes with, counted in bytes of what is sent at once.</summary>
internal readonly record struct Attached(long Offset, int Length, IDisposable Attachment);
