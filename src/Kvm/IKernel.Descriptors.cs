using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

public partial interface IKernel
{
    /// <summary>fcntl(F_GETFL): the O_* flags that the file is open with, the access mode among them.</summary>
    /// <exception cref="KernelException">EBADF.</exception>
    int GetFileFlags(SafeHandle file);

    /// <summary>Makes the table of this process's descriptors large enough for so many, by taking the last of them for a moment.</summary>
    /// <remarks>Blocks for a grace period of RCU, if it has to grow; whoever meanwhile wants a descriptor that fits does not wait.</remarks>
    /// <exception cref="KernelException">EINVAL, EMFILE: there may not be so many. ENOMEM.</exception>
    void GrowDescriptorTable(ulong descriptors);
}
