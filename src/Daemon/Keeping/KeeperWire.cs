using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Keeping;

/// <summary>
/// What a daemon and its keeper say to each other over a Unix stream socket. The keeper begins: its process id and how many descriptors it
/// has, 4 bytes each, then these. The daemon goes on with what is to be done, and for each release there is a byte when it is done.
/// </summary>
/// <remarks>
/// A message is what it is about, the length of a name, and the name; a descriptor comes with its first byte. It is read in two pieces that
/// end where it ends, as a longer read would mix up whose descriptor came.
/// </remarks>
internal static class KeeperWire
{
    public const byte Keep = (byte)'k';
    public const byte Release = (byte)'r';
    public const byte Quit = (byte)'q';

    /// <summary>Start the daemon again when it is gone: the name is its arguments, and the descriptor its standard error. No name: do not.</summary>
    public const byte Restart = (byte)'s';

    public const int HelloSize = 2 * sizeof(int);
    public const int HeadSize = 1 + sizeof(ushort);

    /// <summary>Bytes of UTF-8. The kernel takes a message of this length whole or not at all, as it is one buffer of a socket.</summary>
    public const int MaxName = 30_000;

    public static bool IsName(string name) => Encoding.UTF8.GetByteCount(name) <= MaxName;

    public static byte[] Hello(int pid, int count)
    {
        var hello = new byte[HelloSize];
        BinaryPrimitives.WriteInt32LittleEndian(hello, pid);
        BinaryPrimitives.WriteInt32LittleEndian(hello.AsSpan(sizeof(int)), count);
        return hello;
    }

    public static (int Pid, int Count) ReadHello(ReadOnlySpan<byte> hello) =>
        (BinaryPrimitives.ReadInt32LittleEndian(hello), BinaryPrimitives.ReadInt32LittleEndian(hello[sizeof(int)..]));

    public static int NameLength(ReadOnlySpan<byte> head) => BinaryPrimitives.ReadUInt16LittleEndian(head[1..]);

    /// <summary>Sends a message whole, or nothing of it.</summary>
    /// <returns>false: it would have to wait.</returns>
    /// <exception cref="KernelException">EPIPE: the other side is gone. ETOOMANYREFS.</exception>
    public static bool TrySend(SafeHandle socket, byte what, string name, SafeHandle? descriptor)
    {
        var message = new byte[HeadSize + Encoding.UTF8.GetByteCount(name)];
        message[0] = what;
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(1), (ushort)Encoding.UTF8.GetBytes(name, message.AsSpan(HeadSize)));
        return (descriptor is null ? SocketMessages.Send(socket, message, []) : SocketMessages.Send(socket, message, descriptor)) > 0;
    }

    /// <summary>Takes the next piece of a message.</summary>
    /// <param name="have">Bytes that are there already; raised.</param>
    /// <param name="descriptors">What came is added.</param>
    /// <returns>null: nothing is there yet. false: the other side is gone.</returns>
    /// <exception cref="KernelException">EMFILE: there is no room for a descriptor, which is lost. ECONNRESET.</exception>
    public static bool? Receive(SafeHandle socket, Span<byte> piece, ref int have, List<SafeFileHandle> descriptors)
    {
        var received = SocketMessages.Receive(socket, piece[have..], descriptors);
        if (received.WouldBlock)
            return null;
        // A process without room for a descriptor loses it.
        if (received.DescriptorsLost)
            throw new KernelException("recvmsg", Errno.EMFILE);
        have += received.Bytes;
        return received.Bytes > 0;
    }
}
