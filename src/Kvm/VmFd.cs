namespace Hostmemd.Kvm;

/// <summary>One virtual machine. Every ioctl on it gives EIO in any process but the one that made it. Source: api.rst, section 2.</summary>
public sealed class VmFd : FileDescriptor
{
    /// <summary>Takes ownership of <paramref name="fd"/>.</summary>
    /// <param name="fd">An open descriptor of this kind.</param>
    /// <param name="leaked">Told by the finalizer when nobody closed it; on the finalizer's thread.</param>
    public VmFd(int fd, Action<string>? leaked = null)
        : base(fd, leaked)
    {
    }
}
