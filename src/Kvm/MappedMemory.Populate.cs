namespace Hostmemd.Kvm;

public sealed partial class MappedMemory
{
    /// <summary>Cancelling waits for one chunk, 8 ms for this size; smaller ones cost throughput.</summary>
    public const ulong DefaultChunkSize = 8 << 20;

    /// <summary>Allocates the pages of a range: MADV_POPULATE_WRITE, keeping what is in them.</summary>
    /// <param name="offset">Start of the range, page aligned.</param>
    /// <param name="length">Bytes, page aligned.</param>
    /// <param name="threads">How many work on it; the caller is one of them, none is the pool's.</param>
    /// <param name="progress">Bytes done in total, called by whichever thread finished a chunk; must not throw.</param>
    /// <param name="cancellation">Looked at between chunks; what is populated stays so.</param>
    /// <param name="chunkSize">Bytes a call. The address space's lock is held that long: other threads' mmap waits.</param>
    /// <exception cref="KernelException">
    /// The first errno that any thread met. EFAULT: no page to be had, as past the end of the file. ENOMEM.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled or stopped before all was done.</exception>
    public void Populate(
        ulong offset,
        ulong length,
        int threads,
        Action<ulong>? progress,
        CancellationToken cancellation,
        ulong chunkSize = DefaultChunkSize) =>
        Populate(
            new PopulateOptions { Offset = offset, Length = length, Threads = threads, ChunkSize = chunkSize, Progress = progress }, cancellation);

    /// <inheritdoc cref="Populate(ulong, ulong, int, Action{ulong}, CancellationToken, ulong)"/>
    public void Populate(PopulateOptions options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        ArgumentOutOfRangeException.ThrowIfZero(options.ChunkSize);
        if (options.Length == 0)
            return;
        var credit = options.Credit ?? new PopulateCredit();
        if (options.Credit is null)
            credit.Grant(options.Length);
        var run = new PopulateRun(_kernel, At(options.Offset, options.Length), options, credit);
        using var stop = cancellation.UnsafeRegister(_ => credit.Stop(), null);
        var chunks = ((options.Length - 1) / options.ChunkSize) + 1;
        var others = Start(run, (int)Math.Min((ulong)options.Threads, chunks) - 1);
        run.Work();
        // None of them may be at work when the caller unmaps.
        foreach (var thread in others)
            thread.Join();
        run.ThrowIfFailed(cancellation);
    }

    /// <summary>All of it, on <paramref name="threads"/> threads.</summary>
    /// <inheritdoc cref="Populate(ulong, ulong, int, Action{ulong}, CancellationToken, ulong)"/>
    public void Populate(int threads = 1, Action<ulong>? progress = null, CancellationToken cancellation = default) =>
        Populate(0, Size, threads, progress, cancellation);

    /// <summary>As many threads as the host starts: with fewer it takes longer, and that is all.</summary>
    private static List<Thread> Start(PopulateRun run, int count)
    {
        var started = new List<Thread>(count);
        try
        {
            for (var i = 0; i < count; i++)
            {
                var thread = new Thread(run.Work) { Name = "populate", IsBackground = true };
                thread.Start();
                started.Add(thread);
            }
        }
        catch (OutOfMemoryException)
        {
            // No more threads to be had.
        }

        return started;
    }

    /// <summary>One call of Populate: chunks are handed out one by one, so a slow thread holds nobody up.</summary>
    private sealed class PopulateRun(IKernel kernel, HostAddress start, PopulateOptions options, PopulateCredit credit)
    {
        private KernelException? _failure;

        public void Work()
        {
            try
            {
                options.Prepare?.Invoke();
                var advice = options.Read ? MemoryAdvice.PopulateRead : MemoryAdvice.PopulateWrite;
                while (credit.TryTake(options.Length, options.ChunkSize, out var from, out var size))
                {
                    kernel.Madvise(start.Add(from), size, advice);
                    var done = credit.Complete(size);
                    options.Progress?.Invoke(done);
                    if (options.Pause > TimeSpan.Zero)
                        kernel.Pause(options.Pause);
                }
            }
            catch (KernelException e)
            {
                Interlocked.CompareExchange(ref _failure, e, null);
                credit.Stop();
            }
        }

        public void ThrowIfFailed(CancellationToken cancellation)
        {
            if (_failure is not null)
                throw new KernelException(_failure.Call, _failure.Errno);
            if (credit.Done != options.Length)
                throw new OperationCanceledException(cancellation);
        }
    }
}
