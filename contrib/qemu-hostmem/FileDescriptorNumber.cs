using System.Runtime.InteropServices;

namespace Hostmemd.QemuHostmem;

/// <summary>A descriptor that a child gets under the number it has here.</summary>
internal sealed record FileDescriptorNumber(SafeHandle Handle)
{
    public int Number => (int)Handle.DangerousGetHandle();
}
