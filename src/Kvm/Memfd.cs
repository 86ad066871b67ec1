using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

/// <summary>Memory behind memfd_create: pages that are ours as long as a descriptor or a mapping is left.</summary>
public sealed class Memfd : FileDescriptor
{
    /// <summary>Takes ownership of <paramref name="fd"/>.</summary>
    /// <param name="fd">An open descriptor of this kind.</param>
    /// <param name="leaked">Told by the finalizer when nobody closed it; on the finalizer's thread.</param>
    public Memfd(int fd, Action<string>? leaked = null)
        : base(fd, leaked)
    {
    }

    /// <summary>
    /// Makes a descriptor that came from outside (SCM_RIGHTS, activation) ours; <paramref name="source"/> owns nothing afterwards.
    /// </summary>
    /// <remarks>Nothing is checked: see man 2 memfd_create, seals, for what a stranger's file may do.</remarks>
    public static Memfd TakeFrom(SafeHandle source, Action<string>? leaked = null) => new(Take(source), leaked);
}
