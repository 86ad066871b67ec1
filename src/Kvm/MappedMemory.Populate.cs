namespace Hostmemd.Kvm;

public sealed partial class MappedMemory
{
    /// <summary>Cancelling waits for one chunk, 8 ms for this size; smaller ones cost throughput.</summary>
    public const ulong DefaultChunkSize = 8 << 20;

    /// <summary>Allocates the pages of a range, keeping what is in them: MADV_POPULATE_WRITE, or _READ where nobody can write.</summary>
    /// <param name="offset">Start of the range, page aligned.</param>
    /// <param name="length">Bytes, page aligned.</param>
    /// <param name="threads">How many work on it; the caller is one of them, none is the pool's.</param>
    /// <param name="progress">Bytes done in total, called by whichever thread finished a chunk; must not throw.</param>
    /// <param name="cancellation">Looked at between chunks; what is populated stays so.</param>
    /// <param name="chunkSize">Bytes a call. The address space's lock is held that long: other threads' mmap waits.</param>
    /// <exception cref="KernelException">
    /// The first errno that any thread met. EFAULT: no page to be had, as past the end of the file. ENOMEM.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled before all was done.</exception>
    public void Populate(
        ulong offset,
        ulong length,
        int threads,
        Action<ulong>? progress,
        CancellationToken cancellation,
        ulong chunkSize = DefaultChunkSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfZero(chunkSize);
        if (length == 0)
            return;
        var start = At(offset, length);
        var run = new PopulateRun(_kernel, start, length, chunkSize, Advice, progress, cancellation);
        var chunks = ((length - 1) / chunkSize) + 1;
        var others = new Thread[Math.Min((ulong)threads, chunks) - 1];
        for (var i = 0; i < others.Length; i++)
        {
            others[i] = new Thread(run.Work) { Name = "populate", IsBackground = true };
            others[i].Start();
        }

        run.Work();
        foreach (var thread in others)
            thread.Join();
        run.ThrowIfFailed();
    }

    /// <summary>All of it, on <paramref name="threads"/> threads.</summary>
    /// <inheritdoc cref="Populate(ulong, ulong, int, Action{ulong}, CancellationToken, ulong)"/>
    public void Populate(int threads = 1, Action<ulong>? progress = null, CancellationToken cancellation = default) =>
        Populate(0, Size, threads, progress, cancellation);

    private MemoryAdvice Advice => IsReadOnly ? MemoryAdvice.PopulateRead : MemoryAdvice.PopulateWrite;

    /// <summary>One call of Populate: chunks are handed out by an atomic addition, so a slow thread holds nobody up.</summary>
    private sealed class PopulateRun(
        IKernel kernel, HostAddress start, ulong length, ulong chunkSize, MemoryAdvice advice, Action<ulong>? progress,
        CancellationToken cancellation)
    {
        private ulong _next;
        private ulong _done;
        private KernelException? _failure;

        public void Work()
        {
            while (Volatile.Read(ref _failure) is null && !cancellation.IsCancellationRequested)
            {
                // The threads together can take the counter past the end by one chunk each: far from an overflow for any real mapping.
                var from = Interlocked.Add(ref _next, chunkSize) - chunkSize;
                if (from >= length)
                    return;
                var size = Math.Min(chunkSize, length - from);
                try
                {
                    kernel.Madvise(start.Add(from), size, advice);
                }
                catch (KernelException e)
                {
                    Interlocked.CompareExchange(ref _failure, e, null);
                    return;
                }

                var done = Interlocked.Add(ref _done, size);
                progress?.Invoke(done);
            }
        }

        public void ThrowIfFailed()
        {
            if (_failure is not null)
                throw new KernelException(_failure.Call, _failure.Errno);
            if (_done != length)
                throw new OperationCanceledException(cancellation);
        }
    }
}
