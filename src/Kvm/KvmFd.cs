namespace Hostmemd.Kvm;

/// <summary>/dev/kvm: the system descriptor. Source: api.rst, section 1.</summary>
public sealed class KvmFd : FileDescriptor
{
    /// <summary>Takes ownership of <paramref name="fd"/>.</summary>
    /// <param name="fd">An open descriptor of this kind.</param>
    /// <param name="leaked">Told by the finalizer when nobody closed it; on the finalizer's thread.</param>
    public KvmFd(int fd, Action<string>? leaked = null)
        : base(fd, leaked)
    {
    }
}
