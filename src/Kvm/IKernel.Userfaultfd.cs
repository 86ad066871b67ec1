using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm;

/// <remarks>Faults given to user space. Source: man 2 userfaultfd, man 2 ioctl_userfaultfd.</remarks>
public partial interface IKernel
{
    /// <summary>
    /// userfaultfd(2) and UFFDIO_API. For faults of user mode alone: what the kernel touches for somebody fails with EFAULT and never waits.
    /// </summary>
    /// <exception cref="KernelException">ENOSYS: a kernel without it. EINVAL: it has not all of the features.</exception>
    SafeFileHandle CreateUserfaultfd(UserfaultfdFeatures features);

    /// <summary>UFFDIO_REGISTER.</summary>
    /// <exception cref="KernelException">EINVAL: not for this kind of memory.</exception>
    void UserfaultfdRegister(SafeHandle userfaultfd, HostAddress start, ulong length, UserfaultfdMode mode);

    /// <summary>UFFDIO_COPY: makes a missing page with these bytes.</summary>
    /// <param name="page">Whole pages.</param>
    void UserfaultfdCopy(SafeHandle userfaultfd, HostAddress target, ReadOnlySpan<byte> page);

    /// <summary>UFFDIO_CONTINUE: maps pages that the file has.</summary>
    void UserfaultfdContinue(SafeHandle userfaultfd, HostAddress start, ulong length);

    /// <summary>UFFDIO_WRITEPROTECT.</summary>
    void UserfaultfdWriteProtect(SafeHandle userfaultfd, HostAddress start, ulong length, bool on);
}
