using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm;

public partial interface IKernel
{
    /// <summary>open(2), close-on-exec.</summary>
    /// <param name="flags">O_* of this architecture; O_CLOEXEC is added.</param>
    /// <param name="mode">Permissions of a file that is made by it.</param>
    SafeFileHandle Open(string path, int flags, uint mode);

    /// <summary>unlink(2).</summary>
    void Unlink(string path);

    /// <summary>chown(2); -1 as unsigned leaves one of the two as it is.</summary>
    void Chown(string path, uint user, uint group);

    /// <summary>memfd_create(2), close-on-exec.</summary>
    /// <param name="name">Seen in /proc; at most 249 bytes.</param>
    /// <param name="hugePageSize">Bytes with <see cref="MemfdFlags.HugeTlb"/>, 0 for the system's default.</param>
    /// <exception cref="KernelException">ENODEV: no such huge page size. EMFILE. ENOMEM.</exception>
    Memfd MemfdCreate(string name, MemfdFlags flags, ulong hugePageSize = 0);

    /// <summary>ftruncate(2).</summary>
    /// <exception cref="KernelException">EINVAL: guest_memfd, or not a multiple of the huge page. EPERM: sealed. EFBIG.</exception>
    void Ftruncate(SafeHandle file, ulong size);

    /// <summary>fallocate(2). On a guest_memfd one signal is enough to interrupt it, SA_RESTART or not: retried from the start.</summary>
    void Fallocate(SafeHandle file, FallocateMode mode, ulong offset, ulong length);

    /// <summary>fcntl(F_ADD_SEALS).</summary>
    /// <exception cref="KernelException">EINVAL: a file that has no seals, as a guest_memfd. EPERM: sealed against sealing.</exception>
    void AddSeals(SafeHandle file, FileSeals seals);

    /// <summary>fcntl(F_GET_SEALS).</summary>
    FileSeals GetSeals(SafeHandle file);

    /// <summary>fcntl(F_DUPFD_CLOEXEC).</summary>
    SafeFileHandle Duplicate(SafeHandle file);

    /// <summary>fstat(2); the only way to a guest_memfd's size, as lseek gives ESPIPE.</summary>
    FileStatus Fstat(SafeHandle file);

    /// <summary>lseek(2) to the end: the size of a file or block device, 0 for most character devices.</summary>
    /// <exception cref="KernelException">ESPIPE: a pipe, or a guest_memfd.</exception>
    ulong SeekEnd(SafeHandle file);

    /// <summary>lseek(2) with SEEK_DATA: where the next bytes are that are not a hole, swapped out ones too; null: only a hole is left.</summary>
    /// <exception cref="KernelException">EINVAL, ESPIPE: a file that does not tell, as a guest_memfd.</exception>
    /// <remarks>Moves the file's position, which nothing here uses.</remarks>
    ulong? SeekData(SafeHandle file, ulong offset);

    /// <summary>lseek(2) with SEEK_HOLE: where the data that begin at an offset end.</summary>
    ulong SeekHole(SafeHandle file, ulong offset);

    /// <summary>fstatfs(2).</summary>
    FileSystemStatus Fstatfs(SafeHandle file);

    /// <summary>
    /// What /proc/self/fd says the descriptor is. Read only, never opened: opening a guest_memfd that way was seen to crash kernels.
    /// </summary>
    string ReadLink(SafeHandle file);

    /// <summary>pread(2); may be short.</summary>
    int Pread(SafeHandle file, Span<byte> buffer, ulong offset);

    /// <summary>pwrite(2); may be short.</summary>
    int Pwrite(SafeHandle file, ReadOnlySpan<byte> buffer, ulong offset);
}
