using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm;

// What outlives this process.
public partial interface IKernel
{
    /// <summary>flock(LOCK_EX | LOCK_NB): the lock goes with the last copy of the descriptor.</summary>
    /// <returns>false: somebody else has it.</returns>
    bool TryLock(SafeHandle file);

    /// <summary>rename(2): replaces what has the name.</summary>
    void Rename(string from, string to);

    /// <summary>pidfd_getfd(2): a copy of another process's descriptor, close-on-exec.</summary>
    /// <exception cref="KernelException">EBADF: it has none of that number. EPERM: it may not be looked into. ESRCH: it has ended.</exception>
    SafeFileHandle TakeDescriptor(ProcessFd process, int number);
}
