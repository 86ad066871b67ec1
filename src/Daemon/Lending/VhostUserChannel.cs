using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Lending;

/// <summary>
/// The front end's side of a vhost-user connection: one request at a time, each waited for where the other side answers. All numbers are in
/// the host's order. Source: the vhost-user protocol.
/// </summary>
internal sealed class VhostUserChannel(Socket socket, TimeProvider clock) : IDisposable
{
    /// <summary>VHOST_USER_F_PROTOCOL_FEATURES among the virtio features.</summary>
    public const ulong HasProtocolFeatures = 1UL << 30;

    /// <summary>VHOST_USER_PROTOCOL_F_REPLY_ACK: a request can ask for an answer.</summary>
    public const ulong ReplyAck = 1UL << 3;

    /// <summary>VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS: memory can be added piece by piece.</summary>
    public const ulong ConfigureMemSlots = 1UL << 15;

    /// <summary>VHOST_USER_PROTOCOL_F_CONFIG: the device's configuration can be read.</summary>
    public const ulong Config = 1UL << 9;

    private const int HeadSize = 12; // request, flags, size of the payload
    private const int MaxPayload = 4096;
    private const uint Version = 1;
    private const uint IsReply = 4;
    private const uint NeedsReply = 8;

    /// <summary>VHOST_MEMORY_BASELINE_NREGIONS: what a table of all memory at once can have.</summary>
    private const int MaxTable = 8;

    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(1);

    /// <summary>Of those asked for, the ones that both sides have.</summary>
    public ulong ProtocolFeatures { get; private set; }

    public Socket Socket { get; } = socket;

    /// <summary>Takes the back end: features, owner.</summary>
    /// <param name="features">Of virtio, as far as the back end offers them.</param>
    /// <param name="protocol">Of vhost-user, as far as the back end offers them.</param>
    /// <exception cref="VhostUserException">It does not speak vhost-user.</exception>
    public async Task OpenAsync(ulong features, ulong protocol, CancellationToken cancellation)
    {
        var offered = await AskNumberAsync(VhostUserRequest.GetFeatures, cancellation).ConfigureAwait(false);
        if ((offered & HasProtocolFeatures) != 0)
        {
            ProtocolFeatures = protocol & await AskNumberAsync(VhostUserRequest.GetProtocolFeatures, cancellation).ConfigureAwait(false);
            // Acknowledged answers are used from here on, where there are some.
            await SendAsync(VhostUserRequest.SetProtocolFeatures, Number(ProtocolFeatures), [], wantsReply: false, cancellation).ConfigureAwait(false);
        }
        await DoAsync(VhostUserRequest.SetOwner, ReadOnlyMemory<byte>.Empty, [], cancellation).ConfigureAwait(false);
        await DoAsync(VhostUserRequest.SetFeatures, Number(offered & (features | HasProtocolFeatures)), [], cancellation).ConfigureAwait(false);
    }

    /// <summary>Gives the back end the whole memory: piece by piece where it can take that, else as one table.</summary>
    /// <exception cref="VhostUserException">It takes fewer pieces, or refuses one.</exception>
    public async Task SetMemoryAsync(IReadOnlyList<VhostRegion> regions, CancellationToken cancellation)
    {
        if ((ProtocolFeatures & ConfigureMemSlots) == 0)
        {
            if (regions.Count > MaxTable)
                throw new VhostUserException($"the back end takes {MaxTable} pieces of memory, there are {regions.Count}");
            await DoAsync(
                VhostUserRequest.SetMemTable, Table(regions), [.. regions.Select(region => region.Backend.File!.Handle)], cancellation).ConfigureAwait(false);
            return;
        }
        var most = await AskNumberAsync(VhostUserRequest.GetMaxMemSlots, cancellation).ConfigureAwait(false);
        if ((ulong)regions.Count > most)
            throw new VhostUserException($"the back end takes {most} pieces of memory, there are {regions.Count}");
        foreach (var region in regions)
        {
            var payload = new byte[sizeof(ulong) + RegionSize];
            Write(payload.AsSpan(sizeof(ulong)), region);
            await DoAsync(VhostUserRequest.AddMemReg, payload, [region.Backend.File!.Handle], cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>A request that answers with a payload.</summary>
    public async Task<ReadOnlyMemory<byte>> AskAsync(VhostUserRequest request, ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        await SendAsync(request, payload, [], wantsReply: false, cancellation).ConfigureAwait(false);
        return await ReceiveAsync(request, cancellation).ConfigureAwait(false);
    }

    /// <summary>A request that does something, with descriptors; where the back end can say that it failed it is asked.</summary>
    public async Task DoAsync(
        VhostUserRequest request, ReadOnlyMemory<byte> payload, IReadOnlyList<SafeHandle> descriptors, CancellationToken cancellation)
    {
        var wantsReply = (ProtocolFeatures & ReplyAck) != 0;
        await SendAsync(request, payload, descriptors, wantsReply, cancellation).ConfigureAwait(false);
        if (wantsReply && await ReceiveAsync(request, cancellation).ConfigureAwait(false) is var answer
            && (answer.Length != sizeof(ulong) || BinaryPrimitives.ReadUInt64LittleEndian(answer.Span) != 0))
            throw new VhostUserException($"the back end refused {request}");
    }

    /// <summary>Hangs up: the back end lets go of the memory.</summary>
    public void Dispose() => Socket.Dispose();

    public static byte[] Number(ulong value)
    {
        var payload = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(payload, value);
        return payload;
    }

    private const int RegionSize = 4 * sizeof(ulong);

    private static byte[] Table(IReadOnlyList<VhostRegion> regions)
    {
        // The number of regions, padding, the regions.
        var payload = new byte[sizeof(ulong) + (regions.Count * RegionSize)];
        BinaryPrimitives.WriteUInt32LittleEndian(payload, (uint)regions.Count);
        for (var i = 0; i < regions.Count; i++)
            Write(payload.AsSpan(sizeof(ulong) + (i * RegionSize)), regions[i]);
        return payload;
    }

    /// <summary>
    /// Guest address, size, user address, where in the file it begins. Nothing is mapped here, so guest addresses serve as user addresses
    /// too: the back end uses them for nothing but to tell what the front end's later addresses mean.
    /// </summary>
    private static void Write(Span<byte> payload, VhostRegion region)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(payload, region.Gpa.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[8..], region.Size);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[16..], region.Gpa.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[24..], region.FileOffset);
    }

    private async Task<ulong> AskNumberAsync(VhostUserRequest request, CancellationToken cancellation)
    {
        var answer = await AskAsync(request, ReadOnlyMemory<byte>.Empty, cancellation).ConfigureAwait(false);
        return answer.Length == sizeof(ulong)
            ? BinaryPrimitives.ReadUInt64LittleEndian(answer.Span)
            : throw new VhostUserException($"the answer to {request} has {answer.Length} bytes");
    }

    private async Task SendAsync(
        VhostUserRequest request, ReadOnlyMemory<byte> payload, IReadOnlyList<SafeHandle> descriptors, bool wantsReply, CancellationToken cancellation)
    {
        var message = new byte[HeadSize + payload.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(message, (uint)request);
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(4), Version | (wantsReply ? NeedsReply : 0));
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(8), (uint)payload.Length);
        payload.CopyTo(message.AsMemory(HeadSize));
        var numbers = descriptors.Select(descriptor => (int)descriptor.DangerousGetHandle()).ToArray();
        // The backends are kept open by the caller, so that the numbers mean what they did.
        for (var sent = 0; sent < message.Length;)
        {
            var count = SocketMessages.Send(Socket.SafeHandle, message.AsSpan(sent), sent == 0 ? numbers : []);
            if (count > 0)
                sent += count;
            else
                await Task.Delay(Wait, clock, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<ReadOnlyMemory<byte>> ReceiveAsync(VhostUserRequest request, CancellationToken cancellation)
    {
        var head = await ReceiveAsync(HeadSize, cancellation).ConfigureAwait(false);
        var (answered, flags, size) = (
            BinaryPrimitives.ReadUInt32LittleEndian(head), BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(4)),
            BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(8)));
        if (answered != (uint)request || (flags & IsReply) == 0 || size > MaxPayload)
            throw new VhostUserException($"no answer to {request} as vhost-user has it");
        return await ReceiveAsync((int)size, cancellation).ConfigureAwait(false);
    }

    private async Task<byte[]> ReceiveAsync(int size, CancellationToken cancellation)
    {
        var bytes = new byte[size];
        for (var received = 0; received < size;)
        {
            var count = await Socket.ReceiveAsync(bytes.AsMemory(received), cancellation).ConfigureAwait(false);
            if (count == 0)
                throw new VhostUserException("the back end has hung up");
            received += count;
        }
        return bytes;
    }
}
