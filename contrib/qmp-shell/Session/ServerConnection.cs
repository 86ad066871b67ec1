using System.IO.Pipelines;
using System.Net.Sockets;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.QmpShell.Session;

/// <summary>A connected socket as a pipe that keeps the descriptors which come along, and can send some. It ends with its reader.</summary>
internal sealed class ServerConnection : IDuplexPipe, IDisposable
{
    private const int ReadSize = 64 * 1024;

    private static readonly TimeSpan SendRetry = TimeSpan.FromMilliseconds(5);

    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly Pipe _received = new(new PipeOptions(useSynchronizationContext: false));
    private readonly Queue<SafeFileHandle> _descriptors = new();

    public ServerConnection(Socket socket)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
        Output = PipeWriter.Create(_stream, new StreamPipeWriterOptions(leaveOpen: true));
        // It tells through the pipe, failures included, and ends with the socket.
        _ = ReceiveAsync();
    }

    public PipeReader Input => _received.Reader;

    public PipeWriter Output { get; }

    /// <summary>Whether descriptors can pass.</summary>
    public bool IsUnixSocket => _socket.AddressFamily == AddressFamily.Unix;

    /// <summary>Sends a descriptor with a blank, which the server keeps for the next command that wants one. Nothing else may be sending.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public async Task SendDescriptorAsync(SafeFileHandle descriptor, CancellationToken cancellationToken)
    {
        while (SocketMessages.Send(_socket.SafeHandle, " "u8, descriptor) < 0)
            await Task.Delay(SendRetry, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The next descriptor that came and was not taken; the caller's from then on.</summary>
    public SafeFileHandle? TakeDescriptor()
    {
        lock (_descriptors)
            return _descriptors.TryDequeue(out SafeFileHandle? descriptor) ? descriptor : null;
    }

    public void Dispose()
    {
        _stream.Dispose();
        _received.Writer.CancelPendingFlush();
        while (TakeDescriptor() is { } descriptor)
            descriptor.Dispose();
    }

    private async Task ReceiveAsync()
    {
        Exception? failure = null;
        try
        {
            while (Receive() is var count && count != 0)
            {
                if (count > 0 && await _received.Writer.FlushAsync().ConfigureAwait(false) is { IsCompleted: true } or { IsCanceled: true })
                    break;
                if (count < ReadSize)
                    await _socket.ReceiveAsync(Memory<byte>.Empty).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or SocketException or KernelException { Errno: Errno.ECONNRESET })
        {
            // Closed by us, or by a server with our input unread (seen in QEMU 11.1.3 after quit): an end like any other.
        }
        catch (KernelException e)
        {
            failure = e;
        }

        await _received.Writer.CompleteAsync(failure).ConfigureAwait(false);
    }

    /// <returns>Bytes received; 0: the end; -1: nothing is here yet.</returns>
    private int Receive()
    {
        var arrived = new List<SafeFileHandle>();
        ReceivedMessage message = SocketMessages.Receive(_socket.SafeHandle, _received.Writer.GetSpan(ReadSize)[..ReadSize], arrived);
        if (message.WouldBlock)
            return -1;
        lock (_descriptors)
            arrived.ForEach(_descriptors.Enqueue);
        _received.Writer.Advance(message.Bytes);
        return message.Bytes;
    }
}
