using System.IO.Pipelines;

namespace Hostmemd.Protocol.Tests.Session;

/// <summary>The end of a pipe that counts what is written to it: on a socket each is a system call.</summary>
internal sealed class WriteCounter(IDuplexPipe inner) : PipeWriter, IDuplexPipe
{
    private int _writes;

    public int Writes => Volatile.Read(ref _writes);

    public PipeReader Input => inner.Input;

    public PipeWriter Output => this;

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _writes);
        return inner.Output.WriteAsync(source, cancellationToken);
    }

    public override void Advance(int bytes) => inner.Output.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => inner.Output.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => inner.Output.GetSpan(sizeHint);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.Output.FlushAsync(cancellationToken);

    public override void CancelPendingFlush() => inner.Output.CancelPendingFlush();

    public override void Complete(Exception? exception = null) => inner.Output.Complete(exception);
}
