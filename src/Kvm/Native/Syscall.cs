using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Hostmemd.Kvm.Native;

/// <summary>System calls as the kernel answers them: the result, or the negative errno taken in the same statement as the call.</summary>
/// <remarks>Nothing is retried and nothing is thrown here; <see cref="LinuxKernel"/> does both.</remarks>
internal static unsafe class Syscall
{
    public static nint Close(int fd) => Result(LibC.close(fd));

    public static nint Open(byte* path, int flags, uint mode) => Result(LibC.open(path, flags, (mode_t)mode));

    public static nint Ioctl(SafeHandle handle, uint request, void* argument)
    {
        using var fd = new BorrowedFd(handle);
        return Result(LibC.ioctl(fd.Number, unchecked((int)request), argument));
    }

    public static nint Fcntl(SafeHandle handle, int command, int argument)
    {
        using var fd = new BorrowedFd(handle);
        return Result(LibC.fcntl(fd.Number, command, argument));
    }

    public static nint SetCloseOnExec(int fd) => Result(LibC.fcntl(fd, LibC.F_SETFD, LibC.FD_CLOEXEC));

    public static nint MemfdCreate(byte* name, uint flags) => Result(LibC.memfd_create(name, flags));

    public static nint Ftruncate(SafeHandle handle, long length)
    {
        using var fd = new BorrowedFd(handle);
        return Result(LibC.ftruncate(fd.Number, length));
    }

    public static nint Fallocate(SafeHandle handle, int mode, long offset, long length)
    {
        using var fd = new BorrowedFd(handle);
        return Result(LibC.fallocate(fd.Number, mode, offset, length));
    }

    public static nint Fstat(SafeHandle handle, stat* status)
    {
        using var fd = new BorrowedFd(handle);
        return Result(LibC.fstat(fd.Number, status));
    }

    public static nint SeekEnd(SafeHandle handle)
    {
        using var fd = new BorrowedFd(handle);
        return Result((nint)(long)LibC.lseek(fd.Number, 0, LibC.SEEK_END));
    }

    public static nint Seek(SafeHandle file, long offset, int whence)
    {
        using var fd = new BorrowedFd(file);
        return Result((nint)(long)LibC.lseek(fd.Number, offset, whence));
    }

    public static nint Fstatfs(SafeHandle handle, Libc.Statfs* status)
    {
        using var fd = new BorrowedFd(handle);
        return Result(Libc.fstatfs(fd.Number, status));
    }

    public static nint Readlink(byte* path, byte* buffer, int size) => Result((nint)(long)LibC.readlink(path, buffer, size));

    public static nint Pread(SafeHandle handle, void* buffer, int length, long offset)
    {
        using var fd = new BorrowedFd(handle);
        return Result((nint)(long)LibC.pread(fd.Number, buffer, length, offset));
    }

    public static nint Pwrite(SafeHandle handle, void* buffer, int length, long offset)
    {
        using var fd = new BorrowedFd(handle);
        return Result(Libc.pwrite(fd.Number, buffer, (ulong)length, offset));
    }

    public static nint Mmap(ulong address, ulong length, int protection, int flags, SafeHandle? handle, long offset)
    {
        if (handle is null)
            return Result((nint)LibC.mmap((void*)address, (size_t)length, protection, flags, -1, offset));
        using var fd = new BorrowedFd(handle);
        return Result((nint)LibC.mmap((void*)address, (size_t)length, protection, flags, fd.Number, offset));
    }

    public static nint Munmap(ulong address, ulong length) => Result(LibC.munmap((void*)address, (size_t)length));

    public static nint Mprotect(ulong address, ulong length, int protection) =>
        Result(LibC.mprotect((void*)address, (size_t)length, protection));

    public static nint Madvise(ulong address, ulong length, int advice) => Result(LibC.madvise((void*)address, (size_t)length, advice));

    // glibc wraps none of these; the numbers are those of x86-64 and, after the colon, of the generic table (arm64).
    public static nint Mbind(ulong address, ulong length, int mode, ulong* nodes, ulong bits, uint flags) =>
        Result((nint)(long)LibC.syscall(Number(237, 235), (void*)address, (size_t)length, mode, nodes, (size_t)bits, flags));

    public static nint GetMempolicy(int* mode, ulong address, uint flags) =>
        Result((nint)(long)LibC.syscall(Number(239, 236), mode, 0, 0, (void*)address, flags));

    public static nint QueryPageNodes(ulong count, ulong* pages, int* status) =>
        Result((nint)(long)LibC.syscall(Number(279, 239), 0, (size_t)count, pages, null, status, 0));

    // The same number everywhere.
    public static nint Cachestat(SafeHandle handle, ulong* range, ulong* status)
    {
        using var fd = new BorrowedFd(handle);
        return Result((nint)(long)LibC.syscall(451, fd.Number, range, status, 0));
    }

    public static nint Getdents64(SafeHandle handle, byte* buffer, int size)
    {
        using var fd = new BorrowedFd(handle);
        return Result((nint)(long)LibC.syscall(Number(217, 61), fd.Number, buffer, size));
    }

    public static nint Stat(byte* path, stat* status) => Result(LibC.stat(path, status));

    /// <summary>Of the calling thread, which is what Linux means by process 0.</summary>
    public static nint SchedSetscheduler(int policy, int* priority) => Result((nint)(long)LibC.syscall(Number(144, 119), 0, policy, priority));

    public static nint SetMempolicy(int mode, ulong* nodes, ulong bits) =>
        Result((nint)(long)LibC.syscall(Number(238, 237), mode, nodes, (size_t)bits));

    // The same number everywhere.
    public static nint PidfdOpen(int pid) => Result((nint)(long)LibC.syscall(434, pid, 0));

    public static nint PidfdSendSignal(SafeHandle process, int signal)
    {
        using var fd = new BorrowedFd(process);
        return Result((nint)(long)LibC.syscall(424, fd.Number, signal, null, 0));
    }

    // The same number everywhere.
    public static nint PidfdGetfd(SafeHandle process, int number)
    {
        using var fd = new BorrowedFd(process);
        return Result((nint)(long)LibC.syscall(438, fd.Number, number, 0));
    }

    public static nint Flock(SafeHandle handle, int operation)
    {
        using var fd = new BorrowedFd(handle);
        return Result(Libc.flock(fd.Number, operation));
    }

    public static nint Read(SafeHandle handle, void* buffer, int length)
    {
        using var fd = new BorrowedFd(handle);
        return Result((nint)(long)LibC.read(fd.Number, buffer, length));
    }

    public static nint Write(SafeHandle handle, void* buffer, int length)
    {
        using var fd = new BorrowedFd(handle);
        return Result((nint)(long)LibC.write(fd.Number, buffer, length));
    }

    public static nint Gettid() => Result((nint)(long)LibC.syscall(Number(186, 178)));

    public static nint Tgkill(int pid, int tid, int signal) => Result((nint)(long)LibC.syscall(Number(234, 131), pid, tid, signal));

    public static nint SchedSetaffinity(int tid, int size, ulong* mask) =>
        Result((nint)(long)LibC.syscall(Number(203, 122), tid, (size_t)size, mask));

    public static nint SchedGetaffinity(int tid, int size, ulong* mask) =>
        Result((nint)(long)LibC.syscall(Number(204, 123), tid, (size_t)size, mask));

    public static nint Chown(byte* path, uint user, uint group) => Result(LibC.chown(path, (uid_t)user, (gid_t)group));

    public static nint Unlink(byte* path) => Result(LibC.unlink(path));

    public static nint Fchmod(SafeHandle handle, uint mode)
    {
        using var fd = new BorrowedFd(handle);
        return Result(LibC.fchmod(fd.Number, (mode_t)mode));
    }

    public static nint Fchown(SafeHandle handle, uint user, uint group)
    {
        using var fd = new BorrowedFd(handle);
        return Result(LibC.fchown(fd.Number, (uid_t)user, (gid_t)group));
    }

    /// <summary>Of SOL_SOCKET.</summary>
    public static nint Getsockopt(SafeHandle socket, int option, void* value, uint size)
    {
        using var fd = new BorrowedFd(socket);
        return Result(Libc.getsockopt(fd.Number, LibC.SOL_SOCKET, option, value, &size));
    }

    public static nint EpollCreate() => Result(Libc.epoll_create1(0x80000));

    public static nint EpollControl(SafeHandle epoll, int operation, SafeHandle handle, uint* argument)
    {
        using var fd = new BorrowedFd(epoll);
        using var of = new BorrowedFd(handle);
        return Result(Libc.epoll_ctl(fd.Number, operation, of.Number, argument));
    }

    public static nint EpollWait(SafeHandle epoll, uint* events, int count)
    {
        using var fd = new BorrowedFd(epoll);
        return Result(Libc.epoll_wait(fd.Number, events, count, -1));
    }

    public static nint InotifyInit(uint flags) => Result(Libc.inotify_init1((int)flags));

    public static nint InotifyAdd(SafeHandle inotify, byte* path, uint mask)
    {
        using var fd = new BorrowedFd(inotify);
        return Result(Libc.inotify_add_watch(fd.Number, path, mask));
    }

    public static nint InotifyRemove(SafeHandle inotify, int watch)
    {
        using var fd = new BorrowedFd(inotify);
        return Result(Libc.inotify_rm_watch(fd.Number, watch));
    }

    public static nint Userfaultfd(int flags) => Result((nint)(long)LibC.syscall(Number(323, 282), flags));

    /// <summary>Turns the C library's -1 into -errno. The argument is evaluated before, so the errno is that of the call.</summary>
    public static nint Result(nint value) => value == -1 ? -Marshal.GetLastPInvokeError() : value;

    private static int Number(int x64, int generic) => RuntimeInformation.ProcessArchitecture == Architecture.X64 ? x64 : generic;
}
