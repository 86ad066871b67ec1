namespace Hostmemd.Kvm;

/// <summary>One virtual CPU. KVM_RUN belongs on one thread; closing it does not free its id in the VM.</summary>
public sealed class VcpuFd : FileDescriptor
{
    /// <summary>Takes ownership of <paramref name="fd"/>.</summary>
    /// <param name="fd">An open descriptor of this kind.</param>
    /// <param name="leaked">Told by the finalizer when nobody closed it; on the finalizer's thread.</param>
    public VcpuFd(int fd, Action<string>? leaked = null)
        : base(fd, leaked)
    {
    }
}
