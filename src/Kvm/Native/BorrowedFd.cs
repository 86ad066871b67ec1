using System.Runtime.InteropServices;

namespace Hostmemd.Kvm.Native;

/// <summary>
/// Holds a reference on a handle while its number is in the kernel's hands, so that nobody closes and reuses the number meanwhile.
/// </summary>
internal readonly ref struct BorrowedFd
{
    private readonly SafeHandle _handle;

    public BorrowedFd(SafeHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        var added = false;
        handle.DangerousAddRef(ref added); // throws where the handle is closed; there is nothing to release then
        _handle = handle;
    }

    public int Number => (int)_handle.DangerousGetHandle();

    public void Dispose() => _handle.DangerousRelease();
}
