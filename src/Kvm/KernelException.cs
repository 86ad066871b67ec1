namespace Hostmemd.Kvm;

/// <summary>A system call or ioctl that failed: its name and errno as the kernel gave it, nothing added.</summary>
public sealed class KernelException : Exception
{
    /// <summary>Names the failed call.</summary>
    /// <param name="call">The call in the kernel's spelling, as "ioctl(KVM_CREATE_VM)".</param>
    /// <param name="errno">Positive errno.</param>
    public KernelException(string call, int errno)
        : base($"{call}: {Kvm.Errno.Text(errno)}")
    {
        Call = call;
        Errno = errno;
    }

    /// <summary>The call in the kernel's spelling.</summary>
    public string Call { get; }

    /// <summary>Positive errno, comparable with the constants of <see cref="Kvm.Errno"/>.</summary>
    public int Errno { get; }
}
