using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm;

// Memory that other processes use: who they are, when they end, what they open.
public partial interface IKernel
{
    /// <summary>pidfd_open(2): a descriptor of a process that readable means has ended.</summary>
    /// <exception cref="KernelException">ESRCH: no such process. EMFILE.</exception>
    ProcessFd OpenProcess(int pid);

    /// <summary>
    /// getsockopt(SO_PEERCRED, SO_PEERPIDFD): the process at the other end of a Unix socket. Of a connection that was accepted elsewhere it
    /// is the one that called listen(2).
    /// </summary>
    /// <exception cref="KernelException">ESRCH, EINVAL: it has ended. ENOTSOCK.</exception>
    ProcessFd PeerOf(SafeHandle socket);

    /// <summary>epoll_create1(2), close-on-exec.</summary>
    SafeFileHandle EpollCreate();

    /// <summary>epoll_ctl(EPOLL_CTL_ADD) for EPOLLIN.</summary>
    /// <param name="token">Given back by <see cref="EpollWait"/>.</param>
    void EpollAdd(SafeHandle epoll, SafeHandle file, ulong token);

    /// <summary>epoll_ctl(EPOLL_CTL_DEL).</summary>
    void EpollRemove(SafeHandle epoll, SafeHandle file);

    /// <summary>epoll_wait(2) without a timeout.</summary>
    /// <param name="tokens">Filled with the tokens of descriptors that are readable or hung up.</param>
    /// <returns>How many.</returns>
    int EpollWait(SafeHandle epoll, Span<ulong> tokens);

    /// <summary>inotify_init1(2), close-on-exec, not blocking.</summary>
    /// <exception cref="KernelException">EMFILE: fs.inotify.max_user_instances.</exception>
    SafeFileHandle InotifyInit();

    /// <summary>inotify_add_watch(2) for opening and closing of what a descriptor is, which is looked up in /proc and not opened.</summary>
    /// <returns>The watch's number; the same for a file that is watched already.</returns>
    /// <exception cref="KernelException">ENOSPC: fs.inotify.max_user_watches.</exception>
    /// <remarks>The watch keeps the file's pages: it must be removed, or the memory is never free.</remarks>
    int InotifyAdd(SafeHandle inotify, SafeHandle file);

    /// <summary>read(2) of the next events, as struct inotify_event.</summary>
    /// <returns>Bytes; 0 where nothing has happened.</returns>
    int InotifyRead(SafeHandle inotify, Span<byte> buffer);

    /// <summary>inotify_rm_watch(2).</summary>
    void InotifyRemove(SafeHandle inotify, int watch);

    /// <summary>fchmod(2).</summary>
    void Fchmod(SafeHandle file, uint mode);

    /// <summary>fchown(2); -1 as unsigned leaves one of the two as it is.</summary>
    /// <exception cref="KernelException">EPERM: only root gives files away.</exception>
    void Fchown(SafeHandle file, uint user, uint group);

    /// <summary>geteuid(2), getegid(2).</summary>
    (uint User, uint Group) GetIdentity();

    /// <summary>
    /// setgroups(2) to none, setresgid(2), setresuid(2), and prctl(PR_SET_DUMPABLE): processes of that user and group may look into this
    /// one, as into any other of theirs. All threads, for good.
    /// </summary>
    /// <exception cref="KernelException">EPERM: only root becomes somebody else.</exception>
    void BecomeUser(uint user, uint group);

    /// <summary>symlink(2).</summary>
    /// <exception cref="KernelException">EEXIST: the name is taken. EACCES.</exception>
    void Symlink(string target, string path);

    /// <summary>access(2): whether this process may read and write what a path leads to. Opens nothing.</summary>
    /// <exception cref="KernelException">EACCES: it may not. ENOENT.</exception>
    void CheckAccess(string path, bool write);

    /// <summary>ioctl(VHOST_SET_OWNER): this process's memory is what the device's addresses mean.</summary>
    /// <exception cref="KernelException">EBUSY: it has an owner. ENOTTY: no vhost device.</exception>
    void VhostSetOwner(SafeHandle device);

    /// <summary>ioctl(VHOST_SET_MEM_TABLE): the guest memory that the device may touch, all of it at once.</summary>
    /// <exception cref="KernelException">EPERM: another process's device. EOPNOTSUPP, E2BIG, EFAULT: the table. ENOTTY.</exception>
    /// <remarks>The mappings must outlive the device's use. Source: linux/vhost.h.</remarks>
    void VhostSetMemTable(SafeHandle device, ReadOnlySpan<vhost_memory_region> regions);
}
