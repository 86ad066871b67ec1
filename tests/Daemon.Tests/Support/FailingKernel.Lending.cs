using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Daemon.Tests.Support;

internal sealed partial class FailingKernel
{
    public ProcessFd OpenProcess(int pid) => Next().OpenProcess(pid);

    public ProcessFd PeerOf(SafeHandle socket) => Next().PeerOf(socket);

    public SafeFileHandle EpollCreate() => Next().EpollCreate();

    public void EpollAdd(SafeHandle epoll, SafeHandle file, ulong token) => Next().EpollAdd(epoll, file, token);

    public void EpollRemove(SafeHandle epoll, SafeHandle file) => Next().EpollRemove(epoll, file);

    /// <summary>Not counted: another thread than the test's waits in it.</summary>
    public int EpollWait(SafeHandle epoll, Span<ulong> tokens) => real.EpollWait(epoll, tokens);

    public SafeFileHandle InotifyInit() => Next().InotifyInit();

    public int InotifyAdd(SafeHandle inotify, SafeHandle file) => Next().InotifyAdd(inotify, file);

    public int InotifyRead(SafeHandle inotify, Span<byte> buffer) => Next().InotifyRead(inotify, buffer);

    public void InotifyRemove(SafeHandle inotify, int watch) => Next().InotifyRemove(inotify, watch);

    public void Fchmod(SafeHandle file, uint mode) => Next().Fchmod(file, mode);

    public void Fchown(SafeHandle file, uint user, uint group) => Next().Fchown(file, user, group);

    public (uint User, uint Group) GetIdentity() => Next().GetIdentity();

    public void BecomeUser(uint user, uint group) => Next().BecomeUser(user, group);

    public void Symlink(string target, string path) => Next().Symlink(target, path);

    public void CheckAccess(string path, bool write) => Next().CheckAccess(path, write);

    public void VhostSetOwner(SafeHandle device) => Next().VhostSetOwner(device);

    public void VhostSetMemTable(SafeHandle device, ReadOnlySpan<vhost_memory_region> regions) => Next().VhostSetMemTable(device, regions);

    public void Execute(
        string program, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, IReadOnlyList<SafeHandle>? inherited = null) =>
        Next().Execute(program, arguments, environment, inherited);

    public void SetCloseOnExec(SafeHandle file) => Next().SetCloseOnExec(file);

    public void DieWithParent(int signal) => Next().DieWithParent(signal);

    public int Getppid() => Next().Getppid();
}
