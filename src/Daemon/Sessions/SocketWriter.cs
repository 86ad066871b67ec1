using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Sessions;

/// <summary>
/// Sends over a socket, with descriptors or without. What it takes at once, which is all but for a slow client, goes in one system call on
/// the caller's thread; what is left waits in .NET's writer, which takes five asynchronous calls for the same. One writer at a time.
/// </summary>
/// <param name="socket">Stays the caller's.</param>
/// <param name="waiting">Writes to the same socket.</param>
internal sealed class SocketWriter(Socket socket, PipeWriter waiting, TimeProvider clock) : PipeWriter
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(64);

    /// <inheritdoc/>
    /// <exception cref="IOException">The client is gone.</exception>
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        // Nothing overtakes what waits already.
        var sent = source.IsEmpty || waiting.UnflushedBytes > 0 ? 0 : TrySend(source.Span);
        return sent == source.Length && sent > 0 ? default : waiting.WriteAsync(source[sent..], cancellationToken);
    }

    /// <summary>Sends bytes with a descriptor, which arrives close-on-exec at those who ask for that, with the first byte.</summary>
    /// <param name="attachment">A SafeHandle; it stays the caller's.</param>
    /// <returns>Bytes sent, at least one.</returns>
    /// <exception cref="IOException">The client is gone.</exception>
    public async ValueTask<int> SendAttachedAsync(ReadOnlyMemory<byte> utf8, IDisposable attachment)
    {
        for (var wait = FirstWait; ; wait = wait * 2 < LongestWait ? wait * 2 : LongestWait)
        {
            if (TrySend(utf8.Span, (SafeHandle)attachment) is var count and > 0)
                return count;
            // .NET cannot wait until a socket takes bytes without giving it some.
            await Task.Delay(wait, clock).ConfigureAwait(false);
        }
    }

    public override void Advance(int bytes) => waiting.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => waiting.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => waiting.GetSpan(sizeHint);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => waiting.FlushAsync(cancellationToken);

    public override void CancelPendingFlush() => waiting.CancelPendingFlush();

    public override void Complete(Exception? exception = null) => waiting.Complete(exception);

    /// <returns>Bytes sent; 0: none now.</returns>
    private int TrySend(ReadOnlySpan<byte> utf8, SafeHandle? attachment = null)
    {
        try
        {
            var sent = attachment is null ? SocketMessages.Send(socket.SafeHandle, utf8, []) : SocketMessages.Send(socket.SafeHandle, utf8, attachment);
            return Math.Max(0, sent);
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
