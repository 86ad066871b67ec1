using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Kvm;

/// <summary>A descriptor that is closed by <see cref="IDisposable.Dispose"/> and by nothing else.</summary>
/// <remarks>
/// A finalizer must not close guest memory or a VM: the garbage collector would decide when a guest loses its RAM. It reports the leak
/// instead.
/// </remarks>
public abstract class FileDescriptor : SafeHandle
{
    private readonly Action<string>? _leaked;

    private protected FileDescriptor(int fd, Action<string>? leaked)
        : base(-1, ownsHandle: true)
    {
        SetHandle(fd);
        _leaked = leaked;
    }

    public override bool IsInvalid => handle == -1;

    /// <summary>The number, for messages and for /proc/self/fd; it gives no right to use it after Dispose.</summary>
    public int Number => (int)handle;

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            base.Dispose(disposing);
        else if (!IsInvalid && !IsClosed)
            _leaked?.Invoke($"{GetType().Name} {Number} was never closed");
    }

    protected override bool ReleaseHandle() => Syscall.Close((int)handle) == 0;

    /// <summary>Takes the number out of <paramref name="source"/>, which owns nothing afterwards.</summary>
    private protected static int Take(SafeHandle source)
    {
        ArgumentNullException.ThrowIfNull(source);
        ObjectDisposedException.ThrowIf(source.IsClosed || source.IsInvalid, source);
        var fd = (int)source.DangerousGetHandle();
        source.SetHandleAsInvalid();
        return fd;
    }
}
