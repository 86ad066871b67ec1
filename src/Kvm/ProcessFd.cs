namespace Hostmemd.Kvm;

/// <summary>A child process (pidfd). Closing it ends nothing: <see cref="IKernel.WaitFor"/> must have been called, or a zombie stays.</summary>
public sealed class ProcessFd : FileDescriptor
{
    /// <summary>Takes ownership of <paramref name="fd"/>.</summary>
    /// <param name="fd">From pidfd_open.</param>
    /// <param name="pid">The process's number, for messages and /proc; it may be another's once this one was waited for.</param>
    /// <param name="leaked">Told by the finalizer when nobody closed it; on the finalizer's thread.</param>
    public ProcessFd(int fd, int pid, Action<string>? leaked = null)
        : base(fd, leaked) => Pid = pid;

    public int Pid { get; }
}
