using System.IO.Pipelines;
using System.Net.Sockets;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Sessions;

/// <summary>
/// Sends over a socket. What it takes at once, which is all but for a slow client, goes in one system call on the caller's thread; what is
/// left waits in .NET's writer, which takes five asynchronous calls for the same. One writer at a time.
/// </summary>
/// <param name="socket">Stays the caller's.</param>
/// <param name="waiting">Writes to the same socket.</param>
internal sealed class SocketWriter(Socket socket, PipeWriter waiting) : PipeWriter
{
    /// <inheritdoc/>
    /// <exception cref="IOException">The client is gone.</exception>
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        // Nothing overtakes what waits already.
        var sent = source.IsEmpty || waiting.UnflushedBytes > 0 ? 0 : TrySend(source.Span);
        return sent == source.Length && sent > 0 ? default : waiting.WriteAsync(source[sent..], cancellationToken);
    }

    public override void Advance(int bytes) => waiting.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => waiting.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => waiting.GetSpan(sizeHint);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => waiting.FlushAsync(cancellationToken);

    public override void CancelPendingFlush() => waiting.CancelPendingFlush();

    public override void Complete(Exception? exception = null) => waiting.Complete(exception);

    /// <returns>Bytes sent; 0: none now.</returns>
    private int TrySend(ReadOnlySpan<byte> utf8)
    {
        try
        {
            return Math.Max(0, SocketMessages.Send(socket.SafeHandle, utf8, []));
        }
        catch (Exception e) when (e is KernelException or ObjectDisposedException)
        {
            throw new IOException("the client is gone", e);
        }
    }
}
