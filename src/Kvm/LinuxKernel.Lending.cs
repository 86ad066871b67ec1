using System.Globalization;
using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;

namespace Hostmemd.Kvm;

public sealed unsafe partial class LinuxKernel
{
    private const int PeerCredentials = 17; // SO_PEERCRED
    private const int PeerPidfd = 77; // SO_PEERPIDFD, since Linux 6.5
    private const uint InotifyFlags = 0x80000 | 0x800; // IN_CLOEXEC, IN_NONBLOCK
    private const uint OpenAndClose = 0x20 | 0x08 | 0x10; // IN_OPEN, IN_CLOSE_WRITE, IN_CLOSE_NOWRITE
    private const uint EpollIn = 1;

    /// <summary>struct epoll_event in words of 32 bits: the events, then the data, right behind them on x86-64 alone.</summary>
    private static readonly int EpollDataAt = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 1 : 2;

    // _IO(VHOST_VIRTIO, 1) and _IOW(VHOST_VIRTIO, 3, struct vhost_memory), whose head is 8 bytes.
    private const uint VhostSetOwnerRequest = 0xAF01;
    private const uint VhostSetMemTableRequest = 0x4008AF03;

    public ProcessFd OpenProcess(int pid) => new((int)Check("pidfd_open", Syscall.PidfdOpen(pid)), pid, _leaked);

    public ProcessFd PeerOf(SafeHandle socket)
    {
        // struct ucred: pid, uid, gid.
        var credentials = stackalloc int[3];
        // SAFETY: as long as said, on this stack frame.
        Check("getsockopt(SO_PEERCRED)", Syscall.Getsockopt(socket, PeerCredentials, credentials, 3 * sizeof(int)));
        var pid = credentials[0];
        int pidfd;
        // SAFETY: as above.
        var result = Syscall.Getsockopt(socket, PeerPidfd, &pidfd, sizeof(int));
        return result == -Errno.ENOPROTOOPT ? OpenProcess(pid) : new ProcessFd(Own("getsockopt(SO_PEERPIDFD)", result, pidfd), pid, _leaked);
    }

    public SafeFileHandle EpollCreate() => File(Check("epoll_create1", Syscall.EpollCreate()));

    public void EpollAdd(SafeHandle epoll, SafeHandle file, ulong token)
    {
        var argument = stackalloc uint[4];
        argument[0] = EpollIn;
        (argument[EpollDataAt], argument[EpollDataAt + 1]) = ((uint)token, (uint)(token >> 32));
        // SAFETY: a whole struct epoll_event on this stack frame; the kernel only reads.
        Check("epoll_ctl", Syscall.EpollControl(epoll, 1, file, argument));
    }

    public void EpollRemove(SafeHandle epoll, SafeHandle file) => Check("epoll_ctl", Syscall.EpollControl(epoll, 2, file, null));

    public int EpollWait(SafeHandle epoll, Span<ulong> tokens)
    {
        var words = EpollDataAt + 2;
        var events = new uint[tokens.Length * words];
        int most = tokens.Length, count;
        fixed (uint* start = events)
        {
            // SAFETY: pinned during the call, with room for as many as are asked for.
            var target = start;
            count = (int)Check("epoll_wait", Uninterrupted(() => Syscall.EpollWait(epoll, target, most)));
        }

        for (var i = 0; i < count; i++)
            tokens[i] = events[(i * words) + EpollDataAt] | ((ulong)events[(i * words) + EpollDataAt + 1] << 32);
        return count;
    }

    public SafeFileHandle InotifyInit() => File(Check("inotify_init1", Syscall.InotifyInit(InotifyFlags)));

    public int InotifyAdd(SafeHandle inotify, SafeHandle file)
    {
        using var fd = new BorrowedFd(file);
        fixed (byte* path = Terminated(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{fd.Number}"), "inotify_add_watch"))
        {
            // SAFETY: as in Open.
            return (int)Check("inotify_add_watch", Syscall.InotifyAdd(inotify, path, OpenAndClose));
        }
    }

    public int InotifyRead(SafeHandle inotify, Span<byte> buffer)
    {
        var length = buffer.Length;
        fixed (byte* start = buffer)
        {
            // SAFETY: as in Read.
            var target = start;
            var result = Uninterrupted(() => Syscall.Read(inotify, target, length));
            return result == -Errno.EAGAIN ? 0 : (int)Check("read", result);
        }
    }

    public void InotifyRemove(SafeHandle inotify, int watch) => Check("inotify_rm_watch", Syscall.InotifyRemove(inotify, watch));

    public void Fchmod(SafeHandle file, uint mode) => Check("fchmod", Syscall.Fchmod(file, mode));

    public void Fchown(SafeHandle file, uint user, uint group) => Check("fchown", Syscall.Fchown(file, user, group));

    public (uint User, uint Group) GetIdentity() => (Libc.geteuid(), Libc.getegid());

    public void BecomeUser(uint user, uint group)
    {
        const int setDumpable = 4;
        // The C library's functions, which do it for all threads.
        // SAFETY: none of these is given memory.
        Check("setgroups", Syscall.Result(Libc.setgroups(0, null)));
        Check("setresgid", Syscall.Result(Libc.setresgid(group, group, group)));
        Check("setresuid", Syscall.Result(Libc.setresuid(user, user, user)));
        Check("prctl(PR_SET_DUMPABLE)", Syscall.Result(Libc.prctl(setDumpable, 1, 0, 0, 0)));
    }

    public void Symlink(string target, string path)
    {
        fixed (byte* to = Terminated(target, "symlink"), name = Terminated(path, "symlink"))
        {
            // SAFETY: as in Open.
            Check("symlink", Syscall.Result(LibC.symlink(to, name)));
        }
    }

    public void CheckAccess(string path, bool write)
    {
        fixed (byte* name = Terminated(path, "access"))
        {
            // SAFETY: as in Open.
            Check("access", Syscall.Result(LibC.access(name, LibC.R_OK | (write ? LibC.W_OK : 0))));
        }
    }

    public void VhostSetOwner(SafeHandle device) => Ioctl(device, VhostSetOwnerRequest, "VHOST_SET_OWNER", null);

    public void VhostSetMemTable(SafeHandle device, ReadOnlySpan<vhost_memory_region> regions)
    {
        // struct vhost_memory: the number of regions, padding, the regions.
        var table = new byte[sizeof(ulong) + (regions.Length * sizeof(vhost_memory_region))];
        MemoryMarshal.Write(table, (uint)regions.Length);
        MemoryMarshal.AsBytes(regions).CopyTo(table.AsSpan(sizeof(ulong)));
        fixed (byte* start = table)
        {
            // SAFETY: pinned during the call, and as long as the number of regions says.
            Ioctl(device, VhostSetMemTableRequest, "VHOST_SET_MEM_TABLE", start);
        }
    }

    private static int Own(string call, nint result, int fd)
    {
        Check(call, result);
        return fd;
    }
}
