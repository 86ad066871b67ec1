using System.Runtime.InteropServices;

namespace Hostmemd.Keeping;

/// <summary>What the service manager is told.</summary>
/// <param name="Text">Lines of NAME=VALUE.</param>
/// <param name="File">A descriptor for it, which stays the caller's; null: none.</param>
internal readonly record struct NotifyMessage(string Text, SafeHandle? File = null);
