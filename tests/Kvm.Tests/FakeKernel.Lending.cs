using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm.Tests;

public sealed partial class FakeKernel
{
    private readonly List<(SafeHandle File, ulong Token)> _polled = [];

    /// <summary>The tables that vhost devices were given, in order.</summary>
    public List<vhost_memory_region[]> VhostTables { get; } = [];

    /// <summary>A process that never ends.</summary>
    public ProcessFd OpenProcess(int pid) => Enter(nameof(OpenProcess), () => Register(new ProcessFd(Null(), pid), new FakeFile("pidfd")));

    public ProcessFd PeerOf(SafeHandle socket) => OpenProcess(1);

    public SafeFileHandle EpollCreate() => Enter(nameof(EpollCreate), () => Register(NewHandle(), new FakeFile("epoll")));

    public void EpollAdd(SafeHandle epoll, SafeHandle file, ulong token) => Enter(nameof(EpollAdd), () =>
    {
        _polled.Add((file, token));
        return FileOf(epoll, "epoll_ctl");
    });

    public void EpollRemove(SafeHandle epoll, SafeHandle file) => Enter(nameof(EpollRemove), () => FileOf(epoll, "epoll_ctl"));

    /// <summary>Of all that can be watched, only sockets ever become readable.</summary>
    public int EpollWait(SafeHandle epoll, Span<ulong> tokens)
    {
        tokens[0] = Enter(nameof(EpollWait), () =>
        {
            while (true)
            {
                foreach (var (file, token) in _polled)
                    if (_sockets.TryGetValue(file, out var socket) && socket.From.Count > 0)
                        return token;
                System.Threading.Monitor.Wait(_lock);
            }
        });
        return 1;
    }

    public SafeFileHandle InotifyInit() => Enter(nameof(InotifyInit), () => Register(NewHandle(), new FakeFile("anon_inode:inotify")));

    public int InotifyAdd(SafeHandle inotify, SafeHandle file) => Enter(nameof(InotifyAdd), () => FileOf(file, "inotify_add_watch").GetHashCode());

    public int InotifyRead(SafeHandle inotify, Span<byte> buffer) => 0;

    public void InotifyRemove(SafeHandle inotify, int watch) => Enter(nameof(InotifyRemove), () => FileOf(inotify, "inotify_rm_watch"));

    public void Fchmod(SafeHandle file, uint mode) => Enter(nameof(Fchmod), () => FileOf(file, "fchmod"));

    public void Fchown(SafeHandle file, uint user, uint group) => Enter(nameof(Fchown), () => FileOf(file, "fchown"));

    public (uint User, uint Group) GetIdentity() => (0, 0);

    public void BecomeUser(uint user, uint group) => Enter(nameof(BecomeUser), () => true);

    public void Symlink(string target, string path) => Enter(nameof(Symlink), () => true);

    public void CheckAccess(string path, bool write) => Enter(nameof(CheckAccess), () => true);

    public void VhostSetOwner(SafeHandle device) => Enter(nameof(VhostSetOwner), () => true);

    public void VhostSetMemTable(SafeHandle device, ReadOnlySpan<vhost_memory_region> regions)
    {
        var table = regions.ToArray();
        Enter(nameof(VhostSetMemTable), () =>
        {
            VhostTables.Add(table);
            return true;
        });
    }

    public void Execute(
        string program, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, IReadOnlyList<SafeHandle>? inherited = null) =>
        throw new KernelException("execve", Errno.ENOENT);

    public void SetCloseOnExec(SafeHandle file) => Enter(nameof(SetCloseOnExec), () => true);

    public void DieWithParent(int signal) => Enter(nameof(DieWithParent), () => true);

    public int Getppid() => 1;

    private static SafeFileHandle NewHandle() => new(Null(), ownsHandle: true);
}
