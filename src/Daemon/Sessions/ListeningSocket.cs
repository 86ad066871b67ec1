using System.Net.Sockets;
using System.Text;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Sessions;

/// <summary>
/// A listening Unix socket: made, given its permissions, and its file removed only while it is still the one we made; or one that was handed
/// over and whose file is not ours.
/// </summary>
internal sealed class ListeningSocket : IDisposable
{
    /// <summary>Clients that may wait to be accepted; those beyond it get EAGAIN from connect.</summary>
    private const int Backlog = 512;

    private readonly IKernel _kernel;

    /// <summary>Device and inode: what tells our file from another that took its name. null: there is no file, or it is not ours.</summary>
    private readonly (ulong Device, ulong Inode)? _identity;

    /// <summary>The path from the root: the process may go to another directory.</summary>
    private readonly string _file;

    private ListeningSocket(ListenOptions options, Socket socket, (ulong Device, ulong Inode)? identity, IKernel kernel)
    {
        (Options, Socket, _identity, _kernel) = (options, socket, identity, kernel);
        _file = identity is null ? "" : Path.GetFullPath(options.Path);
    }

    public ListenOptions Options { get; }

    public Socket Socket { get; }

    /// <summary>Binds the path or name, gives a file its permissions, and listens; or takes what listens already. On failure no file is left.</summary>
    /// <exception cref="ListenException">The name cannot be bound, permissions cannot be set, or somebody listens there.</exception>
    public static ListeningSocket Bind(ListenOptions options, IKernel kernel)
    {
        if (options.Inherited is { } inherited)
            return Inherit(Describe(options), inherited, kernel);
        if (options.Descriptor is { } descriptor)
            return Take(Describe(options), descriptor, kernel);
        var bytes = Encoding.UTF8.GetByteCount(options.Path);
        if (bytes > SocketNames.MaxPathBytes)
            throw new ListenException($"UNIX socket path '{options.Path}' is too long\nPath must be less than {SocketNames.MaxPathBytes + 1} bytes");
        if (!options.Abstract)
            DeleteIfStale(options.Path);
        var socket = BindTo(options, kernel);
        try
        {
            if (options.Mode is { } mode)
                File.SetUnixFileMode(options.Path, mode);
            if (options.Group is { } group)
                kernel.Chown(options.Path, uint.MaxValue, GroupFile.Find(group));
            socket.Listen(Backlog);
            return new ListeningSocket(options, socket, options.Abstract ? null : IdentityOf(options.Path, kernel), kernel);
        }
        catch (Exception e)
        {
            socket.Dispose();
            if (!options.Abstract)
                File.Delete(options.Path);
            throw e switch
            {
                KernelException failed => NotBound(options, Errno.Text(failed.Errno)),
                SocketException or ListenException => NotBound(options, e.Message),
                UnauthorizedAccessException => NotBound(options, Errno.Text(Errno.EACCES)),
                _ => e,
            };
        }
    }

    /// <summary>Whether a descriptor is a Unix stream socket that listens. Anything else is left as it is.</summary>
    public static bool IsListening(int descriptor)
    {
        const int level = 1; // SOL_SOCKET
        const int type = 3; // SO_TYPE
        const int accepts = 30; // SO_ACCEPTCONN
        const int domain = 39; // SO_DOMAIN
        try
        {
            using var handle = new SafeSocketHandle(descriptor, ownsHandle: false);
            using var socket = new Socket(handle);
            return Option(type) == (int)SocketType.Stream && Option(accepts) == 1 && Option(domain) == (int)AddressFamily.Unix;

            int Option(int name)
            {
                Span<byte> value = stackalloc byte[sizeof(int)];
                socket.GetRawSocketOption(level, name, value);
                return BitConverter.ToInt32(value);
            }
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>What was handed over by number, with the name it has.</summary>
    public static ListenOptions Describe(ListenOptions options)
    {
        if (options.Descriptor is null || (options.Inherited ?? options.Descriptor) is not { } descriptor || !IsListening(descriptor))
            return options;
        using var handle = new SafeSocketHandle(descriptor, ownsHandle: false);
        using var socket = new Socket(handle);
        // .NET shows the zero byte before an abstract name as '@'.
        var name = socket.LocalEndPoint?.ToString() ?? "";
        return name.StartsWith('@') ? options with { Path = name[1..], Abstract = true } : options with { Path = name };
    }

    /// <summary>Stops listening: who waited to be accepted is refused. The file stays until <see cref="Dispose"/>.</summary>
    public void Close() => Socket.Dispose();

    /// <summary>Stops listening and removes the file, if it is still ours.</summary>
    public void Dispose()
    {
        Socket.Dispose();
        try
        {
            if (_identity is { } identity && IdentityOf(_file, _kernel) == identity)
                _kernel.Unlink(_file);
        }
        catch (KernelException)
        {
            // Gone already, or not ours to look at.
        }
    }

    /// <summary>One that this process has made under another program: its file is ours as it was before.</summary>
    private static ListeningSocket Inherit(ListenOptions options, int descriptor, IKernel kernel)
    {
        (ulong Device, ulong Inode)? identity = null;
        try
        {
            if (options.Descriptor is null && !options.Abstract)
                identity = IdentityOf(options.Path, kernel);
        }
        catch (KernelException)
        {
            // Somebody has removed the file: there is none for us to remove.
        }
        return new ListeningSocket(options, new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)), identity, kernel);
    }

    private static ListeningSocket Take(ListenOptions options, int descriptor, IKernel kernel)
    {
        if (!IsListening(descriptor))
            throw new ListenException($"File descriptor '{descriptor}' is not a listening Unix socket");
        try
        {
            // A duplicate, as whoever handed it over may have left it open for the programs that we start.
            using var given = new SafeFileHandle(descriptor, ownsHandle: true);
            var socket = Own(kernel.Duplicate(given));
            return new ListeningSocket(options, socket, null, kernel);
        }
        catch (KernelException e)
        {
            throw new ListenException(Errno.Text(e.Errno));
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
    private static Socket BindTo(ListenOptions options, IKernel kernel)
    {
        using var unbound = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // The duplicate first: nothing that fails may come between the file's making and the caller, who removes it.
            using var bound = kernel.Duplicate(unbound.SafeHandle);
            if (options.Abstract)
                SocketNames.BindAbstract(bound, options.Path, options.Tight);
            else
                SocketNames.Bind(bound, options.Path);
            return Own(bound);
        }
        catch (KernelException e)
        {
            throw NotBound(options, Errno.Text(e.Errno));
        }
    }

    private static ListenException NotBound(ListenOptions options, string reason) => new($"Failed to bind socket to {options.Path}: {reason}");

    /// <param name="descriptor">The socket's from now on.</param>
    private static Socket Own(SafeFileHandle descriptor)
    {
        var socket = new Socket(new SafeSocketHandle(descriptor.DangerousGetHandle(), ownsHandle: true));
        descriptor.SetHandleAsInvalid();
        return socket;
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
