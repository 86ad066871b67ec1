using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;

namespace Hostmemd.Kvm.Native;

/// <summary>
/// Bytes with descriptors over a Unix socket (SCM_RIGHTS), which .NET's sockets drop. Never blocks. Source: man 7 unix, man 3 cmsg.
/// </summary>
public static unsafe class SocketMessages
{
    /// <summary>SCM_MAX_FD: the kernel refuses to send more in one message.</summary>
    public const int MaxDescriptors = 253;

    private const int HeaderSize = 16; // struct cmsghdr of 64-bit Linux: a multiple of its alignment
    private const int ControlSize = HeaderSize + (((MaxDescriptors * sizeof(int)) + 7) & ~7);

    /// <summary>recvmsg(2). Descriptors are close-on-exec from the start and the caller's from then on.</summary>
    /// <param name="socket">A connected socket, blocking or not.</param>
    /// <param name="buffer">Not empty: a result of 0 bytes is the end.</param>
    /// <param name="descriptors">What came is added, in the sender's order.</param>
    /// <exception cref="KernelException">As the call gives it, as ECONNRESET.</exception>
    public static ReceivedMessage Receive(SafeHandle socket, Span<byte> buffer, ICollection<SafeFileHandle> descriptors)
    {
        ArgumentNullException.ThrowIfNull(descriptors);
        ArgumentOutOfRangeException.ThrowIfZero(buffer.Length);
        using var fd = new BorrowedFd(socket);
        var control = stackalloc byte[ControlSize];
        fixed (byte* start = buffer)
        {
            // SAFETY: everything the header points to is pinned or on this stack frame until the call has returned.
            iovec data = default;
            data.iov_base = start;
            data.iov_len = buffer.Length;
            nint result;
            msghdr message;
            do
            {
                message = default;
                message.msg_iov = &data;
                message.msg_iovlen = 1;
                message.msg_control = control;
                message.msg_controllen = ControlSize;
                result = Syscall.Result((nint)(long)LibC.recvmsg(fd.Number, &message, LibC.MSG_DONTWAIT | LibC.MSG_CMSG_CLOEXEC));
            }
            while (result == -Errno.EINTR);
            if (result == -Errno.EAGAIN)
                return new ReceivedMessage(0, WouldBlock: true, DescriptorsLost: false);
            if (result < 0)
                throw new KernelException("recvmsg", (int)-result);
            var lost = (message.msg_flags & LibC.MSG_CTRUNC) != 0;
            Take(new ReadOnlySpan<byte>(control, (int)(uint)message.msg_controllen), lost ? null : descriptors);
            return new ReceivedMessage((int)result, WouldBlock: false, lost);
        }
    }

    /// <summary>sendmsg(2). The descriptors go with the first byte, and are lost to nobody if the call would block.</summary>
    /// <param name="fds">At most <see cref="MaxDescriptors"/>; the caller keeps them open during the call.</param>
    /// <returns>
    /// Bytes sent, which may be fewer than given: the rest is to be sent without the descriptors. -1: it would block, nothing went.
    /// </returns>
    /// <exception cref="KernelException">EPIPE: nobody there. EBADF. ETOOMANYREFS: too many in flight.</exception>
    public static int Send(SafeHandle socket, ReadOnlySpan<byte> data, ReadOnlySpan<int> fds)
    {
        ArgumentOutOfRangeException.ThrowIfZero(data.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(fds.Length, MaxDescriptors);
        using var fd = new BorrowedFd(socket);
        var control = stackalloc byte[ControlSize];
        fixed (byte* start = data)
        {
            // SAFETY: as in Receive. The kernel only reads.
            iovec bytes = default;
            bytes.iov_base = start;
            bytes.iov_len = data.Length;
            msghdr message = default;
            message.msg_iov = &bytes;
            message.msg_iovlen = 1;
            if (!fds.IsEmpty)
            {
                // The length by hand: a length rounded up to 8 (as Tmds.LibC's CMSG_LEN gives) would send one descriptor more, our stdin.
                *(ulong*)control = (ulong)(HeaderSize + (sizeof(int) * fds.Length));
                *(int*)(control + 8) = LibC.SOL_SOCKET;
                *(int*)(control + 12) = LibC.SCM_RIGHTS;
                fds.CopyTo(new Span<int>(control + HeaderSize, fds.Length));
                message.msg_control = control;
                message.msg_controllen = HeaderSize + (((sizeof(int) * fds.Length) + 7) & ~7);
            }

            nint result;
            do
                result = Syscall.Result((nint)(long)LibC.sendmsg(fd.Number, &message, LibC.MSG_DONTWAIT | LibC.MSG_NOSIGNAL));
            while (result == -Errno.EINTR);
            if (result == -Errno.EAGAIN)
                return -1;
            return result < 0 ? throw new KernelException("sendmsg", (int)-result) : (int)result;
        }
    }

    /// <summary>The same with one descriptor, which nobody can close meanwhile.</summary>
    /// <inheritdoc cref="Send(SafeHandle, ReadOnlySpan{byte}, ReadOnlySpan{int})"/>
    public static int Send(SafeHandle socket, ReadOnlySpan<byte> data, SafeHandle descriptor)
    {
        using var fd = new BorrowedFd(descriptor);
        return Send(socket, data, [fd.Number]);
    }

    /// <summary>
    /// Wraps every descriptor that came; without a taker they are closed at once, so that a truncated message leaks nothing.
    /// </summary>
    private static void Take(ReadOnlySpan<byte> control, ICollection<SafeFileHandle>? descriptors)
    {
        while (control.Length >= HeaderSize)
        {
            var length = (int)Math.Min(MemoryMarshal.Read<ulong>(control), (ulong)control.Length);
            if (length < HeaderSize)
                return;
            if (MemoryMarshal.Read<int>(control[8..]) == LibC.SOL_SOCKET && MemoryMarshal.Read<int>(control[12..]) == LibC.SCM_RIGHTS)
            {
                foreach (var number in MemoryMarshal.Cast<byte, int>(control[HeaderSize..length]))
                {
                    var handle = new SafeFileHandle(number, ownsHandle: true);
                    if (descriptors is null)
                        handle.Dispose();
                    else
                        descriptors.Add(handle);
                }
            }

            control = control[Math.Min((length + 7) & ~7, control.Length)..];
        }
    }
}
