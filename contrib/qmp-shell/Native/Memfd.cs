using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;

namespace Hostmemd.QmpShell.Native;

/// <summary>Sends bytes with a fresh memfd attached, as <c>getfd</c> and <c>add-fd</c> want it.</summary>
internal static class Memfd
{
    private const int Size = 2 * 1024 * 1024;

    /// <summary>Sends what the socket takes at once; the descriptor travels with the first byte.</summary>
    /// <returns>How many bytes were sent; 0 when the socket takes none now.</returns>
    /// <exception cref="SocketException">The kernel refused.</exception>
    public static int Send(Socket socket, ReadOnlySpan<byte> data)
    {
        using SafeFileHandle memfd = Create();
        RandomAccess.SetLength(memfd, Size);
        return SendDescriptor(socket.SafeHandle, data, memfd);
    }

    private static unsafe SafeFileHandle Create()
    {
        // SAFETY: the name ends with NUL and is pinned during the call.
        fixed (byte* name = "qmp-shell\0"u8)
        {
            int fd = LibC.memfd_create(name, LibC.MFD_CLOEXEC);
            return fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw new SocketException(LibC.errno);
        }
    }

    private static unsafe int SendDescriptor(SafeSocketHandle socket, ReadOnlySpan<byte> data, SafeFileHandle memfd)
    {
        int space = (int)LibC.CMSG_SPACE(sizeof(int));
        byte* control = stackalloc byte[space];
        var header = (cmsghdr*)control;
        header->cmsg_level = LibC.SOL_SOCKET;
        header->cmsg_type = LibC.SCM_RIGHTS;
        // LibC.CMSG_LEN rounds up, with which the kernel sees a second descriptor: our stdin.
        header->cmsg_len = sizeof(cmsghdr) + sizeof(int);
        *(int*)(control + sizeof(cmsghdr)) = (int)memfd.DangerousGetHandle();

        bool held = false;
        try
        {
            socket.DangerousAddRef(ref held);
            // SAFETY: data is pinned and control lies on this stack for as long as sendmsg reads them; the socket is held, and the
            // memfd by Send.
            fixed (byte* bytes = data)
            {
                iovec vector = default;
                vector.iov_base = bytes;
                vector.iov_len = data.Length;
                msghdr message = default;
                message.msg_iov = &vector;
                message.msg_iovlen = 1;
                message.msg_control = control;
                message.msg_controllen = space;
                return SendMessage((int)socket.DangerousGetHandle(), &message);
            }
        }
        finally
        {
            if (held)
                socket.DangerousRelease();
        }
    }

    private static unsafe int SendMessage(int socket, msghdr* message)
    {
        while (true)
        {
            long sent = LibC.sendmsg(socket, message, LibC.MSG_DONTWAIT | LibC.MSG_NOSIGNAL);
            int errno = sent < 0 ? LibC.errno : 0;
            if (errno == LibC.EAGAIN)
                return 0;
            if (errno != LibC.EINTR)
                return errno == 0 ? (int)sent : throw new SocketException(errno);
        }
    }
}
