using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

/// <summary>A guest_memfd. Never open it again through /proc: kernels were seen to crash on that. Source: api.rst 4.142.</summary>
public sealed class GuestMemfd : FileDescriptor
{
    /// <summary>Takes ownership of <paramref name="fd"/>.</summary>
    /// <param name="fd">An open descriptor of this kind.</param>
    /// <param name="leaked">Told by the finalizer when nobody closed it; on the finalizer's thread.</param>
    public GuestMemfd(int fd, Action<string>? leaked = null)
        : base(fd, leaked)
    {
    }

    /// <summary>
    /// Makes a descriptor that came from outside (SCM_RIGHTS, activation) ours; <paramref name="source"/> owns nothing afterwards.
    /// </summary>
    /// <remarks>Nothing is checked: see <see cref="GuestMemfdCheck"/>.</remarks>
    public static GuestMemfd TakeFrom(SafeHandle source, Action<string>? leaked = null) => new(Take(source), leaked);
}
