using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;

namespace Hostmemd.Kvm.Native;

/// <summary>
/// Waits until something arrives at one of many sockets. A socket is armed for one arrival, which wakes one of those who wait, and then not
/// watched until it is armed again: what comes while somebody serves it wakes no thread in vain. Safe on any thread. Source: man 7 epoll,
/// EPOLLONESHOT.
/// </summary>
public sealed unsafe class SocketPoll : IDisposable
{
    /// <summary>The key that no socket has.</summary>
    private const ulong EndKey = 0;

    private readonly SafeFileHandle _epoll;
    private readonly SafeFileHandle? _end;

    /// <exception cref="KernelException">EMFILE, ENFILE, ENOMEM, ENOSPC.</exception>
    public SocketPoll()
    {
        _epoll = Open("epoll_create1", Syscall.Result(LibC.epoll_create1(LibC.EPOLL_CLOEXEC)));
        try
        {
            _end = Open("eventfd", Syscall.Result(LibC.eventfd(0, LibC.EFD_CLOEXEC | LibC.EFD_NONBLOCK)));
            Control(LibC.EPOLL_CTL_ADD, _end, LibC.EPOLLIN, EndKey);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Takes a socket in. It is not armed yet, but that its connection is over may be told.</summary>
    /// <param name="socket">Stays the caller's.</param>
    /// <param name="key">What <see cref="TryWait"/> gives for it; not 0.</param>
    /// <exception cref="KernelException">ENOSPC: /proc/sys/fs/epoll/max_user_watches. ENOMEM.</exception>
    /// <exception cref="ObjectDisposedException">The socket or this is closed.</exception>
    public void Add(SafeHandle socket, ulong key)
    {
        ArgumentOutOfRangeException.ThrowIfEqual(key, EndKey);
        Control(LibC.EPOLL_CTL_ADD, socket, LibC.EPOLLONESHOT, key);
    }

    /// <summary>Arms a socket for one arrival. What is there already is one, and so is the end of the other side.</summary>
    /// <exception cref="KernelException">ENOENT: it was not taken in, or is removed.</exception>
    /// <exception cref="ObjectDisposedException">The socket or this is closed.</exception>
    public void Arm(SafeHandle socket, ulong key) =>
        Control(LibC.EPOLL_CTL_MOD, socket, LibC.EPOLLIN | LibC.EPOLLRDHUP | LibC.EPOLLONESHOT, key);

    /// <summary>
    /// Watches a socket no longer. One that is closed is still watched while somebody has a duplicate of its descriptor.
    /// </summary>
    /// <exception cref="KernelException">ENOENT: it is not watched.</exception>
    /// <exception cref="ObjectDisposedException">The socket or this is closed.</exception>
    public void Remove(SafeHandle socket) => Control(LibC.EPOLL_CTL_DEL, socket, 0, EndKey);

    /// <summary>Blocks until something arrives at an armed socket.</summary>
    /// <param name="key">Of its socket, which may be watched no longer by now.</param>
    /// <returns>false: <see cref="End"/> was called.</returns>
    /// <exception cref="ObjectDisposedException">This is closed.</exception>
    public bool TryWait(out ulong key)
    {
        using var epoll = new BorrowedFd(_epoll);
        epoll_event arrived = default;
        nint result;
        do
            result = Syscall.Result(LibC.epoll_wait(epoll.Number, &arrived, 1, -1));
        while (result == -Errno.EINTR);
        if (result < 0)
            throw new KernelException("epoll_wait", (int)-result);
        key = arrived.data.u64;
        return key != EndKey;
    }

    /// <summary>Ends the waiting of all, now and later.</summary>
    public void End()
    {
        using var fd = new BorrowedFd(_end!);
        var one = 1UL;
        // Nobody ever reads it, so it stays readable for all; it cannot be full.
        _ = LibC.write(fd.Number, &one, sizeof(ulong));
    }

    /// <summary>Closes it once nobody waits any more.</summary>
    public void Dispose()
    {
        _epoll.Dispose();
        _end?.Dispose();
    }

    private void Control(int operation, SafeHandle handle, int events, ulong key)
    {
        using var epoll = new BorrowedFd(_epoll);
        using var fd = new BorrowedFd(handle);
        epoll_event wanted = default;
        wanted.events = events;
        wanted.data.u64 = key;
        if (Syscall.Result(LibC.epoll_ctl(epoll.Number, operation, fd.Number, &wanted)) is var result and < 0)
            throw new KernelException("epoll_ctl", (int)-result);
    }

    private static SafeFileHandle Open(string call, nint result) =>
        result < 0 ? throw new KernelException(call, (int)-result) : new SafeFileHandle(result, ownsHandle: true);
}
