using System.Net.Sockets;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Sessions;

/// <summary>The file that a listening Unix socket is: made, given its permissions, and removed only while it is still the one we made.</summary>
internal static class UnixSocketFile
{
    /// <summary>Binds the path, gives the file its permissions and listens. On failure no file is left.</summary>
    /// <returns>The listening socket, and what tells its file from another that takes its name later.</returns>
    /// <exception cref="ListenException">The path cannot be bound, its permissions cannot be set, or somebody listens there.</exception>
    public static (Socket Socket, (ulong Device, ulong Inode) Identity) Listen(ListenOptions options, int backlog, IKernel kernel)
    {
        var bytes = System.Text.Encoding.UTF8.GetByteCount(options.Path);
        if (bytes > SocketNames.MaxPathBytes)
            throw new ListenException($"the path has {bytes} bytes, at most {SocketNames.MaxPathBytes} are possible");
        DeleteIfStale(options.Path);
        var socket = BindTo(options.Path, kernel);
        try
        {
            if (options.Mode is { } mode)
                File.SetUnixFileMode(options.Path, mode);
            if (options.Group is { } group)
                kernel.Chown(options.Path, uint.MaxValue, GroupFile.Find(group));
            socket.Listen(backlog);
            return (socket, IdentityOf(options.Path, kernel));
        }
        catch (Exception e)
        {
            socket.Dispose();
            File.Delete(options.Path);
            throw e switch
            {
                KernelException failed => new ListenException(Errno.Text(failed.Errno)),
                SocketException => new ListenException(e.Message),
                UnauthorizedAccessException => new ListenException(Errno.Text(Errno.EACCES)),
                _ => e,
            };
        }
    }

    public static void DeleteIfOurs(string path, (ulong Device, ulong Inode) identity, IKernel kernel)
    {
        try
        {
            if (IdentityOf(path, kernel) == identity)
                kernel.Unlink(path);
        }
        catch (KernelException)
        {
            // Gone already, or not ours to look at.
        }
    }

    /// <summary>Device and inode: what tells our socket from another that took its name.</summary>
    private static (ulong Device, ulong Inode) IdentityOf(string path, IKernel kernel)
    {
        // O_PATH looks at the file without opening it: a socket cannot be opened.
        const int pathOnly = 0x200000;
        using var file = kernel.Open(path, pathOnly, 0);
        var status = kernel.Fstat(file);
        return (status.Device, status.Inode);
    }

    /// <summary>The socket is made from a descriptor that was bound before, so that closing it deletes no file (SocketNames.Bind).</summary>
    private static Socket BindTo(string path, IKernel kernel)
    {
        using var unbound = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // The duplicate first: nothing that fails may come between the file's making and the caller, who removes it.
            using var bound = kernel.Duplicate(unbound.SafeHandle);
            SocketNames.Bind(bound, path);
            var socket = new Socket(new SafeSocketHandle(bound.DangerousGetHandle(), ownsHandle: true));
            bound.SetHandleAsInvalid();
            return socket;
        }
        catch (KernelException e)
        {
            throw new ListenException(Errno.Text(e.Errno));
        }
    }

    /// <summary>A socket file that nobody listens on is left over from a process that died.</summary>
    private static void DeleteIfStale(string path)
    {
        if (!File.Exists(path))
            return;
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
        }
        catch (SocketException)
        {
            // Not a socket, or not ours: binding says what is wrong.
        }
    }
}
