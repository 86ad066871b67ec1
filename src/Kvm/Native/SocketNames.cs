using System.Runtime.InteropServices;
using System.Text;
using Tmds.Linux;

namespace Hostmemd.Kvm.Native;

/// <summary>Names of Unix sockets in the file system. Source: man 7 unix.</summary>
public static unsafe class SocketNames
{
    /// <summary>sun_path less its NUL.</summary>
    public const int MaxPathBytes = 107;

    /// <summary>
    /// bind(2). .NET's own Bind is no choice: when a socket that it bound is closed it deletes the file of that name, whose ever it is by then.
    /// </summary>
    /// <param name="socket">A stream socket that has no name yet.</param>
    /// <param name="path">At most <see cref="MaxPathBytes"/> bytes of UTF-8.</param>
    /// <exception cref="KernelException">EADDRINUSE: there is such a file. ENOENT. EACCES.</exception>
    public static void Bind(SafeHandle socket, string path)
    {
        using var fd = new BorrowedFd(socket);
        var address = stackalloc byte[sizeof(ushort) + MaxPathBytes + 1];
        *(ushort*)address = (ushort)LibC.AF_UNIX;
        // SAFETY: the buffer has room for the longest path and its NUL; a longer path throws before the kernel is asked.
        var length = Encoding.UTF8.GetBytes(path, new Span<byte>(address + sizeof(ushort), MaxPathBytes));
        address[sizeof(ushort) + length] = 0;
        var result = Syscall.Result(LibC.bind(fd.Number, (sockaddr*)address, sizeof(ushort) + length + 1));
        if (result < 0)
            throw new KernelException("bind", (int)-result);
    }

    /// <summary>bind(2) to a name in the abstract namespace, which no file has.</summary>
    /// <param name="socket">A stream socket that has no name yet.</param>
    /// <param name="name">At most <see cref="MaxPathBytes"/> bytes of UTF-8.</param>
    /// <param name="tight">The name is as long as it is; else it is filled up with zero bytes.</param>
    /// <exception cref="KernelException">EADDRINUSE: the name is taken.</exception>
    public static void BindAbstract(SafeHandle socket, string name, bool tight)
    {
        using var fd = new BorrowedFd(socket);
        const int size = sizeof(ushort) + MaxPathBytes + 1;
        var address = stackalloc byte[size];
        new Span<byte>(address, size).Clear();
        *(ushort*)address = (ushort)LibC.AF_UNIX;
        // SAFETY: as in Bind; the zero byte that makes the name abstract is before it.
        var length = Encoding.UTF8.GetBytes(name, new Span<byte>(address + sizeof(ushort) + 1, MaxPathBytes));
        var result = Syscall.Result(LibC.bind(fd.Number, (sockaddr*)address, tight ? sizeof(ushort) + 1 + length : size));
        if (result < 0)
            throw new KernelException("bind", (int)-result);
    }
}
