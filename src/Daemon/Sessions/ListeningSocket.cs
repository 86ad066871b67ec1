using System.Net.Sockets;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Sessions;

/// <summary>
/// A listening Unix socket and the file that it is: made, given its permissions, and removed only while it is still the one we made.
/// </summary>
internal sealed class ListeningSocket : IDisposable
{
    /// <summary>Clients that may wait to be accepted; those beyond it get EAGAIN from connect.</summary>
    private const int Backlog = 512;

    private readonly IKernel _kernel;

    /// <summary>Device and inode: what tells our file from another that took its name.</summary>
    private readonly (ulong Device, ulong Inode) _identity;

    private ListeningSocket(ListenOptions options, Socket socket, (ulong Device, ulong Inode) identity, IKernel kernel)
    {
        (Options, Socket, _identity, _kernel) = (options, socket, identity, kernel);
    }

    public ListenOptions Options { get; }

    public Socket Socket { get; }

    /// <summary>Binds the path, gives the file its permissions and listens. On failure no file is left.</summary>
    /// <exception cref="ListenException">The path cannot be bound, its permissions cannot be set, or somebody listens there.</exception>
    public static ListeningSocket Bind(ListenOptions options, IKernel kernel)
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
            socket.Listen(Backlog);
            return new ListeningSocket(options, socket, IdentityOf(options.Path, kernel), kernel);
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

    /// <summary>Stops listening: who waited to be accepted is refused. The file stays until <see cref="Dispose"/>.</summary>
    public void Close() => Socket.Dispose();

    /// <summary>Stops listening and removes the file, if it is still ours.</summary>
    public void Dispose()
    {
        Socket.Dispose();
        try
        {
            if (IdentityOf(Options.Path, _kernel) == _identity)
                _kernel.Unlink(Options.Path);
        }
        catch (KernelException)
        {
            // Gone already, or not ours to look at.
        }
    }

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
