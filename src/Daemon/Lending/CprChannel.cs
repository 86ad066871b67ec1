using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Lending;

/// <summary>
/// The sending side of QEMU's CPR channel: a list of named descriptors for a VMM that starts and waits for them. What it finds in the list
/// under a backend's id it takes for that backend's memory, now and for a backend that is added later. Seen in QEMU 11.1.3, big endian.
/// </summary>
internal static class CprChannel
{
    private const uint Magic = 0x51435052; // "QCPR"
    private const uint Version = 1;

    /// <summary>The byte that a descriptor goes with; QEMU takes no other.</summary>
    private static readonly ReadOnlyMemory<byte> Carrier = " "u8.ToArray();

    /// <summary>How long to wait before a full socket is tried again.</summary>
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(1);

    /// <summary>Behind the list: its end, and that no VFIO devices follow, as QEMU itself writes it.</summary>
    private static ReadOnlySpan<byte> End => "\0\u0005\u0015CprState/vfio devices\0\0\0\u0001\0"u8;

    /// <summary>Sends the whole list and waits until the other side has read it, which it says by closing.</summary>
    /// <param name="entries">Names and descriptors, which stay the caller's.</param>
    /// <exception cref="KernelException">The other side is gone.</exception>
    /// <exception cref="SocketException">As before.</exception>
    /// <exception cref="OperationCanceledException">It took too long.</exception>
    public static async Task SendAsync(
        Socket socket, IEnumerable<(string Name, SafeHandle Descriptor)> entries, TimeProvider clock, CancellationToken cancellation)
    {
        var head = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(head, Magic);
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(4), Version);
        await SendAsync(socket, head, null, clock, cancellation).ConfigureAwait(false);
        foreach (var (name, descriptor) in entries)
        {
            await SendAsync(socket, Entry(name), null, clock, cancellation).ConfigureAwait(false);
            await SendAsync(socket, Carrier, descriptor, clock, cancellation).ConfigureAwait(false);
        }
        await SendAsync(socket, End.ToArray(), null, clock, cancellation).ConfigureAwait(false);
        socket.Shutdown(SocketShutdown.Send);
        var nothing = new byte[1];
        while (await socket.ReceiveAsync(nothing, cancellation).ConfigureAwait(false) > 0)
        {
            // It has nothing to say but that it is done.
        }
    }

    /// <summary>One more, the name with its length and a zero byte, and the number 0.</summary>
    private static byte[] Entry(string name)
    {
        var length = Encoding.UTF8.GetByteCount(name) + 1;
        var entry = new byte[1 + sizeof(uint) + length + sizeof(int)];
        entry[0] = 1;
        BinaryPrimitives.WriteUInt32BigEndian(entry.AsSpan(1), (uint)length);
        Encoding.UTF8.GetBytes(name, entry.AsSpan(1 + sizeof(uint)));
        return entry;
    }

    private static async Task SendAsync(
        Socket socket, ReadOnlyMemory<byte> data, SafeHandle? descriptor, TimeProvider clock, CancellationToken cancellation)
    {
        while (!data.IsEmpty)
        {
            var sent = descriptor is null
                ? SocketMessages.Send(socket.SafeHandle, data.Span, [])
                : SocketMessages.Send(socket.SafeHandle, data.Span, descriptor);
            if (sent > 0)
                (data, descriptor) = (data[sent..], null);
            else
                await Task.Delay(Wait, clock, cancellation).ConfigureAwait(false);
        }
    }
}
