using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Sessions;

/// <summary>
/// A connected Unix socket as a pipe, keeping the descriptors that come along, which .NET's own reads would lose. What no command takes is
/// closed with the connection.
/// </summary>
internal sealed class UnixSocketPipe : IDuplexPipe, IDisposable
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(64);

    /// <summary>Room for what most requests need: each idle client keeps as much.</summary>
    private const int SmallRead = 1024;

    private const int LargeRead = 64 * 1024;

    /// <summary>Unclaimed descriptors kept for one client; beyond them the oldest are closed.</summary>
    private const int MaxDescriptors = SocketMessages.MaxDescriptors;

    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly DescriptorQueue _descriptors = new(MaxDescriptors);
    private readonly Pipe _received;
    private readonly TimeProvider _clock;
    private long _position;

    public UnixSocketPipe(Socket socket, TimeProvider clock)
    {
        _clock = clock;
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
        Output = PipeWriter.Create(_stream, new StreamPipeWriterOptions(leaveOpen: true));
        // The session reads on the thread that received: no hop between the two.
        _received = new Pipe(new PipeOptions(
            readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.ThreadPool,
            pauseWriterThreshold: LargeRead, resumeWriterThreshold: LargeRead / 2, minimumSegmentSize: SmallRead,
            useSynchronizationContext: false));
    }

    public PipeReader Input => _received.Reader;

    public PipeWriter Output { get; }

    /// <inheritdoc cref="DescriptorQueue.Take"/>
    public SafeFileHandle? TakeDescriptor(long end) => _descriptors.Take(end);

    /// <summary>Receives until the other side ends or the session stops reading. Never throws: a broken connection is an end.</summary>
    public async Task ReceiveAsync()
    {
        var size = SmallRead;
        try
        {
            while (true)
            {
                var count = Receive(size);
                if (count == 0)
                    break;
                if (count > 0 && await _received.Writer.FlushAsync().ConfigureAwait(false) is { IsCompleted: true } or { IsCanceled: true })
                    break;
                // What did not fill the buffer was all there was.
                if (count < size)
                    await _socket.ReceiveAsync(Memory<byte>.Empty).ConfigureAwait(false);
                // Much is coming: take it in larger pieces.
                size = count == size ? Math.Min(size * 2, LargeRead) : SmallRead;
            }
        }
        catch (Exception e) when (e is SocketException or KernelException or ObjectDisposedException)
        {
            // The client is gone without a word; for the session that is an end like any other.
        }
        await _received.Writer.CompleteAsync().ConfigureAwait(false);
    }

    /// <summary>Sends bytes with a descriptor, which arrives close-on-exec at those who ask for that, with the first byte.</summary>
    /// <param name="attachment">A SafeHandle; it stays the caller's.</param>
    /// <returns>Bytes sent, at least one.</returns>
    /// <exception cref="IOException">The client is gone.</exception>
    public async ValueTask<int> SendAttachedAsync(ReadOnlyMemory<byte> utf8, IDisposable attachment)
    {
        for (var wait = FirstWait; ; wait = wait * 2 < LongestWait ? wait * 2 : LongestWait)
        {
            if (TrySendAttached(utf8.Span, (SafeHandle)attachment) is var count and > 0)
                return count;
            // .NET cannot wait until a socket takes bytes without giving it some.
            await Task.Delay(wait, _clock).ConfigureAwait(false);
        }
    }

    /// <summary>Closes the socket: a session that still reads finds the end.</summary>
    public void Dispose()
    {
        _stream.Dispose();
        _received.Writer.CancelPendingFlush();
        _descriptors.Dispose();
    }

    /// <returns>Bytes received; 0: the end; -1: nothing is here yet.</returns>
    private int Receive(int size)
    {
        var arrived = new List<SafeFileHandle>();
        var message = SocketMessages.Receive(_socket.SafeHandle, _received.Writer.GetSpan(size)[..size], arrived);
        if (message.WouldBlock)
            return -1;
        if (arrived.Count > 0 || message.DescriptorsLost)
            _descriptors.Add(_position, arrived);
        _position += message.Bytes;
        _received.Writer.Advance(message.Bytes);
        return message.Bytes;
    }

    /// <returns>Bytes sent; 0: none now.</returns>
    private int TrySendAttached(ReadOnlySpan<byte> utf8, SafeHandle descriptor)
    {
        try
        {
            return Math.Max(0, SocketMessages.Send(_socket.SafeHandle, utf8, descriptor));
        }
        catch (KernelException e) when (e.Errno == Errno.ETOOMANYREFS)
        {
            // Too many descriptors are on their way to clients that do not take them.
            return 0;
        }
        catch (Exception e) when (e is KernelException or ObjectDisposedException)
        {
            throw new IOException("the client is gone", e);
        }
    }
}
