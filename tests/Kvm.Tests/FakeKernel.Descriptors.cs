using System.Runtime.InteropServices;

namespace Hostmemd.Kvm.Tests;

public sealed partial class FakeKernel
{
    /// <summary>All that it makes can be read and written.</summary>
    public int GetFileFlags(SafeHandle file) => Enter(nameof(GetFileFlags), () => FileOf(file, "fcntl(F_GETFL)") is null ? 0 : 2);

    public void GrowDescriptorTable(ulong descriptors)
    {
    }
}
