using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.QemuHostmem;

/// <summary>The list of named descriptors that goes over a CPR channel; as seen in QEMU 11.1.3, big endian.</summary>
internal sealed class CprList : IDisposable
{
    private const int MaxName = 4096;

    /// <summary>The byte that a descriptor goes with; QEMU takes no other.</summary>
    private static readonly ReadOnlyMemory<byte> Carrier = " "u8.ToArray();

    private CprList(ReadOnlyMemory<byte> head) => Head = head;

    /// <summary>Magic and version.</summary>
    public ReadOnlyMemory<byte> Head { get; }

    /// <summary>In the sender's order: the entry up to its descriptor, and that.</summary>
    public List<(string Name, ReadOnlyMemory<byte> Bytes, SafeFileHandle Descriptor)> Entries { get; } = [];

    /// <summary>The end of the list and what follows it.</summary>
    public ReadOnlyMemory<byte> Tail { get; private set; }

    /// <summary>Reads a whole list, until the sender has ended it.</summary>
    /// <exception cref="HostmemException">It is none.</exception>
    public static async Task<CprList> ReadAsync(Socket socket, CancellationToken cancellation)
    {
        using var reader = new Reader(socket);
        var list = new CprList(await reader.TakeAsync(8, cancellation).ConfigureAwait(false));
        try
        {
            while (true)
            {
                var mark = await reader.TakeAsync(1, cancellation).ConfigureAwait(false);
                if (mark.Span[0] != 1)
                {
                    list.Tail = Concat(mark, await reader.TakeAllAsync(cancellation).ConfigureAwait(false));
                    return list;
                }
                var length = await reader.TakeAsync(4, cancellation).ConfigureAwait(false);
                var count = BinaryPrimitives.ReadUInt32BigEndian(length.Span);
                if (count is 0 or > MaxName)
                    throw NoList();
                var name = await reader.TakeAsync((int)count, cancellation).ConfigureAwait(false);
                var number = await reader.TakeAsync(4, cancellation).ConfigureAwait(false);
                _ = await reader.TakeAsync(1, cancellation).ConfigureAwait(false);
                list.Entries.Add((Encoding.UTF8.GetString(name.Span[..^1]), Concat(mark, length, name, number), reader.TakeDescriptor() ?? throw NoList()));
            }
        }
        catch
        {
            list.Dispose();
            throw;
        }
    }

    /// <summary>Sends this list with other descriptors for the names that <paramref name="lent"/> has, and what that has beyond them.</summary>
    /// <exception cref="SocketException">The other side is gone.</exception>
    public async Task SendAsync(Socket socket, CprList lent, CancellationToken cancellation)
    {
        await SendAsync(socket, Head, null, cancellation).ConfigureAwait(false);
        var names = lent.Entries.Select(entry => entry.Name).ToHashSet();
        foreach (var (_, bytes, descriptor) in Entries.Where(entry => !names.Contains(entry.Name)).Concat(lent.Entries))
        {
            await SendAsync(socket, bytes, null, cancellation).ConfigureAwait(false);
            await SendAsync(socket, Carrier, descriptor, cancellation).ConfigureAwait(false);
        }
        await SendAsync(socket, Tail, null, cancellation).ConfigureAwait(false);
        socket.Shutdown(SocketShutdown.Send);
    }

    public void Dispose()
    {
        foreach (var (_, _, descriptor) in Entries)
            descriptor.Dispose();
    }

    private static HostmemException NoList() => new("what came over the CPR channel is no list of descriptors as QEMU 11.1 sends it");

    private static byte[] Concat(params ReadOnlyMemory<byte>[] parts) => [.. parts.SelectMany(part => part.ToArray())];

    private static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> data, SafeHandle? descriptor, CancellationToken cancellation)
    {
        while (!data.IsEmpty)
        {
            var sent = descriptor is null
                ? SocketMessages.Send(socket.SafeHandle, data.Span, [])
                : SocketMessages.Send(socket.SafeHandle, data.Span, descriptor);
            if (sent > 0)
                (data, descriptor) = (data[sent..], null);
            else
                await Task.Delay(1, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Bytes and descriptors as they come.</summary>
    private sealed class Reader(Socket socket) : IDisposable
    {
        private readonly List<SafeFileHandle> _descriptors = [];
        private byte[] _bytes = [];

        public async Task<ReadOnlyMemory<byte>> TakeAsync(int count, CancellationToken cancellation)
        {
            while (_bytes.Length < count)
                if (!await FillAsync(cancellation).ConfigureAwait(false))
                    throw NoList();
            var taken = _bytes[..count];
            _bytes = _bytes[count..];
            return taken;
        }

        public async Task<ReadOnlyMemory<byte>> TakeAllAsync(CancellationToken cancellation)
        {
            // No more than a sender of this version ever has.
            while (_bytes.Length < MaxName && await FillAsync(cancellation).ConfigureAwait(false))
            {
            }
            return _bytes;
        }

        public SafeFileHandle? TakeDescriptor()
        {
            var first = _descriptors.FirstOrDefault();
            _descriptors.Remove(first!);
            return first;
        }

        public void Dispose()
        {
            foreach (var descriptor in _descriptors)
                descriptor.Dispose();
        }

        private async Task<bool> FillAsync(CancellationToken cancellation)
        {
            var buffer = new byte[4096];
            while (true)
            {
                var message = SocketMessages.Receive(socket.SafeHandle, buffer, _descriptors);
                if (!message.WouldBlock)
                {
                    _bytes = [.. _bytes, .. buffer.AsSpan(0, message.Bytes)];
                    return message.Bytes > 0;
                }
                await socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, cancellation).ConfigureAwait(false);
            }
        }
    }
}
