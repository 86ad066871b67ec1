using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
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
    /// <summary>Room for what most requests need: each idle client keeps as much.</summary>
    private const int SmallRead = 1024;

    private const int LargeRead = 64 * 1024;

    /// <summary>Unclaimed descriptors kept for one client; beyond them the oldest are closed.</summary>
    private const int MaxDescriptors = SocketMessages.MaxDescriptors;

    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly DescriptorQueue _descriptors = new(MaxDescriptors);
    private readonly Pipe _received;
    private readonly SessionThreads _threads;
    private readonly Lock _receiving = new();
    private Arrivals? _arrivals;
    private TaskCompletionSource? _released;
    private long _position;

    /// <param name="threads">Who waits for what arrives.</param>
    /// <param name="unread">What another process has received and left to this one; null: nothing.</param>
    public UnixSocketPipe(Socket socket, SessionThreads threads, TimeProvider clock, ReceivedInput? unread = null)
    {
        _threads = threads;
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
        Output = new SocketWriter(socket, PipeWriter.Create(_stream, new StreamPipeWriterOptions(leaveOpen: true)), clock);
        // The session reads on the thread that received: no hop between the two.
        _received = new Pipe(new PipeOptions(
            readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.ThreadPool,
            pauseWriterThreshold: LargeRead, resumeWriterThreshold: LargeRead / 2, minimumSegmentSize: SmallRead,
            useSynchronizationContext: false));
        if (unread is null)
            return;
        _received.Writer.Write(unread.Bytes);
        _position = unread.Bytes.Length;
        foreach (var (from, descriptors) in unread.Descriptors)
            _descriptors.Add(from, descriptors);
    }

    public PipeReader Input => _received.Reader;

    public SocketWriter Output { get; }

    PipeWriter IDuplexPipe.Output => Output;

    /// <inheritdoc cref="DescriptorQueue.Take"/>
    public SafeFileHandle? TakeDescriptor(long end) => _descriptors.Take(end);

    /// <summary>Receives until the other side ends or the session stops reading. A broken connection is an end like any other.</summary>
    /// <exception cref="KernelException">ENOSPC: the host does not let it wait for the client, which is therefore given up.</exception>
    public async Task ReceiveAsync()
    {
        Arrivals? arrivals = null;
        try
        {
            arrivals = _threads.Watch(_socket.SafeHandle);
            Volatile.Write(ref _arrivals, arrivals);
            await ReceiveAllAsync(arrivals).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException || (e is KernelException && arrivals is not null))
        {
            // The client is gone without a word.
        }
        finally
        {
            if (arrivals is not null)
                _threads.Forget(arrivals, _socket.SafeHandle);
            await _received.Writer.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Receives nothing more, until it is released: what comes stays in the socket.</summary>
    public void Hold()
    {
        lock (_receiving)
            _released ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Goes on receiving.</summary>
    public void Release()
    {
        lock (_receiving)
        {
            _released?.SetResult();
            _released = null;
        }
    }

    /// <summary>What was received and not read, for another process. While it is held.</summary>
    /// <param name="bytes">What the session has not read.</param>
    public ReceivedInput Unread(byte[] bytes)
    {
        lock (_receiving)
        {
            var read = _position - bytes.Length;
            return new ReceivedInput(bytes, [.. _descriptors.Arrivals().Select(arrival => (Math.Max(0, arrival.From - read), arrival.Descriptors))]);
        }
    }

    /// <summary>Closes the socket: a session that still reads finds the end.</summary>
    public void Dispose()
    {
        Release();
        _stream.Dispose();
        _received.Writer.CancelPendingFlush();
        _descriptors.Dispose();
        // Whoever waits for more finds it closed; not inside this call, whose caller may hold a lock.
        if (Volatile.Read(ref _arrivals) is { } arrivals)
            ThreadPool.UnsafeQueueUserWorkItem(static arrivals => arrivals.Tell(), arrivals, preferLocal: false);
    }

    private async Task ReceiveAllAsync(Arrivals arrivals)
    {
        if (_position > 0)
            await _received.Writer.FlushAsync().ConfigureAwait(false);
        for (var size = SmallRead; ;)
        {
            int count;
            ValueTask<FlushResult> flushing = default;
            Task? released;
            // Whoever holds the pipe finds all that was received in it.
            lock (_receiving)
            {
                released = _released?.Task;
                count = released is null ? Receive(size) : -1;
                if (count > 0)
                    flushing = _received.Writer.FlushAsync();
            }
            if (released is not null)
            {
                await released.ConfigureAwait(false);
                continue;
            }
            if (count == 0)
                break;
            if (await flushing.ConfigureAwait(false) is { IsCompleted: true } or { IsCanceled: true })
                break;
            // Until nothing is left: what came meanwhile is served without a thread being woken for it.
            if (count < 0)
                await _threads.NextAsync(arrivals, _socket.SafeHandle).ConfigureAwait(false);
            // Much is coming: take it in larger pieces.
            size = count == size ? Math.Min(size * 2, LargeRead) : SmallRead;
        }
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
}
