using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

public partial interface IKernel
{
    /// <summary>fcntl(F_GETFL): the O_* flags that the file is open with, the access mode among them.</summary>
    /// <exception cref="KernelException">EBADF.</exception>
    int GetFileFlags(SafeHandle file);
}
