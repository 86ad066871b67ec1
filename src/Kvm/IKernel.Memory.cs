using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

public partial interface IKernel
{
    /// <summary>mmap(2).</summary>
    /// <param name="address">Where, with <see cref="MapFlags.Fixed"/>; else a hint, 0 for none.</param>
    /// <exception cref="KernelException">
    /// ENOMEM: no room or too many mappings. ENODEV, EINVAL: the file cannot be mapped so. EAGAIN.
    /// </exception>
    HostAddress Mmap(HostAddress address, ulong length, MemoryProtection protection, MapFlags flags, SafeHandle? file, ulong offset);

    /// <summary>vm.overcommit_memory: 2 means that the kernel counts every private page, whatever MAP_NORESERVE says.</summary>
    /// <remarks>Source: Documentation/mm/overcommit-accounting.rst.</remarks>
    int GetOvercommitMode();

    /// <summary>munmap(2).</summary>
    /// <exception cref="KernelException">ENOMEM: it would split a mapping and there are too many. EINVAL.</exception>
    void Munmap(HostAddress address, ulong length);

    /// <summary>mprotect(2).</summary>
    void Mprotect(HostAddress address, ulong length, MemoryProtection protection);

    /// <summary>madvise(2).</summary>
    /// <exception cref="KernelException">
    /// EINVAL: the kernel does not know the advice. For populate also EFAULT: no page behind it, where touching would be SIGBUS; ENOMEM;
    /// EHWPOISON.
    /// </exception>
    void Madvise(HostAddress address, ulong length, MemoryAdvice advice);

    /// <summary>mbind(2) with MPOL_MF_STRICT and MPOL_MF_MOVE.</summary>
    /// <exception cref="KernelException">EINVAL: no such node. EIO: pages that cannot move. ENOSYS.</exception>
    void Mbind(HostAddress address, ulong length, MemoryPolicy policy, IReadOnlyCollection<uint> nodes);

    /// <summary>get_mempolicy(2) of the mapping or file at an address.</summary>
    MemoryPolicy GetMempolicy(HostAddress address);

    /// <summary>
    /// Copies from this process's own memory by process_vm_readv: EFAULT where a load would be SIGBUS, which ends a .NET process.
    /// </summary>
    /// <exception cref="KernelException">EFAULT: not all of it is backed; nothing is said about how much was copied.</exception>
    void ReadMemory(HostAddress source, Span<byte> target);

    /// <summary>The other direction, by process_vm_writev.</summary>
    /// <exception cref="KernelException">EFAULT: not all of it is backed or writable; a part may be written.</exception>
    void WriteMemory(HostAddress target, ReadOnlySpan<byte> source);
}
