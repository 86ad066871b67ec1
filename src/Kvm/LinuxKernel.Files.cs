using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm;

public sealed unsafe partial class LinuxKernel
{
    private const int OpenReadWrite = 2;
    private const int OpenCloseOnExec = 0x80000;
    private const uint MemfdCloseOnExec = 1;
    private const int MemfdHugeShift = 26;
    private const int DuplicateCloseOnExec = 1030;
    private const int AddSealsCommand = 1033;
    private const int GetSealsCommand = 1034;
    private const int LinkBufferSize = 4096;

    public SafeFileHandle Open(string path, int flags, uint mode)
    {
        fixed (byte* start = Terminated(path, "open"))
        {
            // SAFETY: Terminated ends the name with a zero byte; pinned during the call.
            return File(Check("open", Uninterrupted(
                (Name: (nint)start, Flags: flags | OpenCloseOnExec, mode), static call => Syscall.Open((byte*)call.Name, call.Flags, call.mode))));
        }
    }

    public void Unlink(string path)
    {
        fixed (byte* start = Terminated(path, "unlink"))
        {
            // SAFETY: as in Open.
            var name = start;
            Check("unlink", Uninterrupted(() => Syscall.Unlink(name)));
        }
    }

    public void Chown(string path, uint user, uint group)
    {
        fixed (byte* name = Terminated(path, "chown"))
        {
            // SAFETY: as in Open.
            Check("chown", Syscall.Chown(name, user, group));
        }
    }

    public Memfd MemfdCreate(string name, MemfdFlags flags, ulong hugePageSize = 0)
    {
        if (hugePageSize != 0 && !BitOperations.IsPow2(hugePageSize))
            throw new KernelException("memfd_create", Errno.EINVAL);
        var size = hugePageSize == 0 ? 0 : (uint)BitOperations.Log2(hugePageSize) << MemfdHugeShift;
        var all = (uint)flags | size | MemfdCloseOnExec;
        fixed (byte* start = Terminated(name, "memfd_create"))
        {
            // SAFETY: as in Open.
            var pinned = start;
            return new Memfd((int)Check("memfd_create", Uninterrupted(() => Syscall.MemfdCreate(pinned, all))), _leaked);
        }
    }

    public void Ftruncate(SafeHandle file, ulong size) =>
        Check("ftruncate", Uninterrupted((file, Size: Signed(size, "ftruncate")), static call => Syscall.Ftruncate(call.file, call.Size)));

    public void Fallocate(SafeHandle file, FallocateMode mode, ulong offset, ulong length) =>
        Check(
            "fallocate",
            Uninterrupted(() => Syscall.Fallocate(file, (int)mode, Signed(offset, "fallocate"), Signed(length, "fallocate"))));

    public void AddSeals(SafeHandle file, FileSeals seals) =>
        Check("fcntl(F_ADD_SEALS)", Uninterrupted(() => Syscall.Fcntl(file, AddSealsCommand, (int)seals)));

    public FileSeals GetSeals(SafeHandle file) => (FileSeals)Check("fcntl(F_GET_SEALS)", Syscall.Fcntl(file, GetSealsCommand, 0));

    public SafeFileHandle Duplicate(SafeHandle file) => File(Check("fcntl(F_DUPFD_CLOEXEC)", Syscall.Fcntl(file, DuplicateCloseOnExec, 0)));

    public FileStatus Fstat(SafeHandle file)
    {
        Tmds.Linux.stat status = default;
        // SAFETY: the kernel fills exactly this structure, on this stack frame.
        Check("fstat", Syscall.Fstat(file, &status));
        return StatusOf(status);
    }

    public ulong SeekEnd(SafeHandle file) => (ulong)Check("lseek", Syscall.SeekEnd(file));

    public ulong? SeekData(SafeHandle file, ulong offset)
    {
        const int seekData = 3;
        var result = Syscall.Seek(file, Signed(offset, "lseek"), seekData);
        return result == -Errno.ENXIO ? null : (ulong)Check("lseek", result);
    }

    public ulong SeekHole(SafeHandle file, ulong offset)
    {
        const int seekHole = 4;
        return (ulong)Check("lseek", Syscall.Seek(file, Signed(offset, "lseek"), seekHole));
    }

    public FileSystemStatus Fstatfs(SafeHandle file)
    {
        Libc.Statfs status;
        // SAFETY: as in Fstat.
        var target = &status;
        Check("fstatfs", Uninterrupted(() => Syscall.Fstatfs(file, target)));
        return new FileSystemStatus(status.Type, (ulong)status.BlockSize);
    }

    public string ReadLink(SafeHandle file)
    {
        using var fd = new BorrowedFd(file);
        var target = stackalloc byte[LinkBufferSize];
        fixed (byte* path = Terminated(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{fd.Number}"), "readlink"))
        {
            // SAFETY: the kernel writes at most the size it is given and says how much.
            var length = Check("readlink", Syscall.Readlink(path, target, LinkBufferSize));
            return Encoding.UTF8.GetString(target, (int)length);
        }
    }

    public int Pread(SafeHandle file, Span<byte> buffer, ulong offset)
    {
        var length = buffer.Length;
        fixed (byte* start = buffer)
        {
            // SAFETY: pinned during the call, and the length is the span's.
            var target = start;
            return (int)Check("pread", Uninterrupted(() => Syscall.Pread(file, target, length, Signed(offset, "pread"))));
        }
    }

    public int Pwrite(SafeHandle file, ReadOnlySpan<byte> buffer, ulong offset)
    {
        var length = buffer.Length;
        fixed (byte* start = buffer)
        {
            // SAFETY: pinned during the call, and the length is the span's.
            return (int)Check("pwrite", Uninterrupted(
                (file, Source: (nint)start, length, Offset: Signed(offset, "pwrite")),
                static call => Syscall.Pwrite(call.file, (byte*)call.Source, call.length, call.Offset)));
        }
    }

    /// <summary>off_t is signed: a larger number would arrive as a negative one.</summary>
    private static long Signed(ulong value, string call) =>
        value <= long.MaxValue ? (long)value : throw new KernelException(call, Errno.EINVAL);
}
